#ifndef VECFERRY_CLI_REPAIR_RULES_H_
#define VECFERRY_CLI_REPAIR_RULES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"

namespace vecferry::cli {

// What `verify --repair` may do.

// Whether a full verification found that rows of the source are missing, or differ. Pure.
bool HasRowsToCarry(const core::Report& report);

// kFailedPrecondition, with what to do instead: carrying the source's rows would undo what was decided before, or touch
// what was not compared. `source_changed`: its file is not as it was copied. `ledger`: of the destination.
absl::Status CheckRepairable(const core::Report& report, bool source_changed, const std::string& schema,
                             postgres::Connection& ledger);

// Whether a repair of this identity was cut off. kFailedPrecondition: a copy of it was, which is to be finished first.
absl::StatusOr<bool> IsRepairCutOff(const core::Identity& identity, postgres::Connection& ledger);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPAIR_RULES_H_
