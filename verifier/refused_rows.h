#ifndef VECFERRY_VERIFIER_REFUSED_ROWS_H_
#define VECFERRY_VERIFIER_REFUSED_ROWS_H_

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "verifier/compared_table.h"

namespace vecferry::verifier {

// A row that the ledger says was not carried.
struct Refused {
  std::string kind, action;    // rejected | skipped | replayed (kReplayed)
  bool by_conversion = false;  // the reader's own words, which the rules must bear out; else Postgres'
  std::string reason;
};

// A row of this action was rejected first and carried later with other values than the source's.
inline constexpr char kReplayed[] = "replayed";

// By source key (record). In memory: rejected rows are bounded by --max-rejects.
using RefusedRows = std::unordered_map<std::string, Refused>;

using RefusedByMapping = std::map<int, RefusedRows>;

// Those of the mappings that fill a table.
absl::StatusOr<RefusedByMapping> LoadRefused(postgres::Connection& session, const std::string& migration_id,
                                             const ComparedTable& table);

// A row that the rules carry and that the ledger says Postgres refused.
struct Claim {
  Refused refused;
  RowImage row;  // as the table's compared columns
};

// Whether each claim holds, asked of the destination as it is: a missing parent by looking for it, a conflict by the
// row that is there, and anything else by trying to insert the row, in a transaction that is rolled back. Tells the
// check `refusals_hold` of the table. The session is outside a transaction.
absl::Status ProveClaims(postgres::Connection& session, const core::Plan& plan, const ComparedTable& table,
                         const std::vector<Claim>& claims, std::int64_t claims_more, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_REFUSED_ROWS_H_
