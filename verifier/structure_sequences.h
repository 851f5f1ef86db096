#ifndef VECFERRY_VERIFIER_STRUCTURE_SEQUENCES_H_
#define VECFERRY_VERIFIER_STRUCTURE_SEQUENCES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/postgres/connection.h"
#include "verifier/structure_compare.h"

namespace vecferry::verifier {

// Columns whose numbers a sequence hands out, each with the highest number that the source ever gave; nullopt = only
// the destination's rows count.
using NumberedColumns = std::map<std::string, std::optional<std::int64_t>>;

// Whether the sequence behind each column hands out next what no row has, and the source never gave. Advances none.
// A column without a sequence is passed over. `evidence` gets the statements that show it.
absl::StatusOr<Comparison> CompareSequences(postgres::Connection& session, const std::string& qualified_table,
                                            const NumberedColumns& columns, std::string& evidence);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_SEQUENCES_H_
