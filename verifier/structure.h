#ifndef VECFERRY_VERIFIER_STRUCTURE_H_
#define VECFERRY_VERIFIER_STRUCTURE_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::verifier {

// Whether the destination's tables are what the plan says: what its DDL means is asked of Postgres itself, which makes
// the same tables, empty and temporary, in a transaction that is rolled back; both catalogs are compared. Of tables
// that existed before the migration only what it relies on is looked at: mapped columns, a valid key, sequences.
// `indexes_wanted` false: without those that --no-indexes leaves out.
// Adds to `unreadable` the tables whose rows cannot be compared (absent, no table, rows hidden, a mapped column absent
// or of another type): their difference has been told.
absl::Status CheckStructure(postgres::Connection& destination, const core::Plan& plan, bool indexes_wanted,
                            std::set<std::string>& unreadable, core::Findings& findings);

// Whether queries use the planned indexes: EXPLAIN of the query that each is for picks it, and the query returns rows
// through it where the table has some. indisvalid is no evidence. Tables of `unreadable` are passed over.
absl::Status CheckIndexesUsed(postgres::Connection& destination, const core::Plan& plan, bool indexes_wanted,
                              const std::set<std::string>& unreadable, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_H_
