#ifndef VECFERRY_COMMON_LOAD_ORPHAN_LOOKUP_H_
#define VECFERRY_COMMON_LOAD_ORPHAN_LOOKUP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/load/load_sql.h"
#include "common/postgres/connection.h"

namespace vecferry::load {

// Places within [begin, end) of staged rows that foreign keys of the mapping's table, named `constraints`, will refuse
// when these rows go there together, in order: rows without a partner, and those whose partner is among them. What
// cannot be told beforehand is left out: a constraint that is another table's, needs a column that is not mapped, or
// whose parents may not be read. Part of the caller's transaction, which goes on in any case.
absl::StatusOr<std::vector<std::size_t>> FindOrphans(postgres::Connection& session, const std::string& schema,
                                                     const core::Mapping& mapping, OnConflict on_conflict,
                                                     const std::vector<std::string>& constraints, std::size_t begin,
                                                     std::size_t end);

}  // namespace vecferry::load

#endif  // VECFERRY_COMMON_LOAD_ORPHAN_LOOKUP_H_
