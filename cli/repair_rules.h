#ifndef VECFERRY_CLI_REPAIR_RULES_H_
#define VECFERRY_CLI_REPAIR_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"
#include "common/postgres/ledger.h"

namespace vecferry::cli {

// What `verify --repair` may do.

// Whether a full verification found that rows of the source are missing, or differ. Pure.
bool HasRowsToCarry(const core::Report& report);

// The same, or some were not compared.
bool MayLackRows(const core::Report& report);

// kFailedPrecondition, with what to do instead: carrying the source's rows would undo what was decided before, or touch
// rows that were not told. `source_changed`: its file is not as it was copied. `session`: at the destination.
absl::Status CheckRepairable(const core::Report& report, bool source_changed, const core::Plan& plan,
                             postgres::Connection& session);

// Whether a migration is a repair, by what its ledger keeps: one that updates, makes no indexes and verifies nothing.
bool IsRepair(const postgres::MigrationRow& row);

// The repair of this identity that was cut off, if any. kFailedPrecondition: a copy of it was, which is to be finished
// first.
absl::StatusOr<std::optional<postgres::MigrationRow>> FindCutOffRepair(const core::Identity& identity,
                                                                       postgres::Connection& session);

// Takes the repairs out of `reports`, those of the ledger at `conninfo`.
absl::Status LeaveRepairsOut(const std::string& conninfo, std::vector<core::Report>& reports);

// What a repair did, for people.
std::string FormatRepaired(const core::Report& repaired);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REPAIR_RULES_H_
