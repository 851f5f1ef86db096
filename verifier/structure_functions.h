#ifndef VECFERRY_VERIFIER_STRUCTURE_FUNCTIONS_H_
#define VECFERRY_VERIFIER_STRUCTURE_FUNCTIONS_H_

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "verifier/structure_catalog.h"
#include "verifier/structure_sql.h"

namespace vecferry::verifier {

// Makes the functions of setup_sql in pg_temp, where they stay until the transaction is rolled back, and tells whether
// those of the destination are the same.
absl::Status CheckFunctions(postgres::Connection& session, const core::Plan& plan, const TemporarySql& names,
                            const Namespace& destination, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_FUNCTIONS_H_
