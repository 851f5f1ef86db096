#ifndef VECFERRY_CLI_REPAIR_RULES_H_
#define VECFERRY_CLI_REPAIR_RULES_H_

#include "absl/status/status.h"
#include "common/core/report.h"

namespace vecferry::cli {

// What `verify --repair` may do, from what a full verification found. Pure.

// Whether rows that the source has are missing at the destination, or differ there.
bool HasRowsToCarry(const core::Report& report);

// kFailedPrecondition, with what to do instead: carrying the source's rows would undo what was decided before.
absl::Status CheckRepairable(const core::Report& report);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPAIR_RULES_H_
