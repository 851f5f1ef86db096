#include "cli/repair_rules.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/replay.h"
#include "common/postgres/ledger.h"
#include "coordinator/identity.h"

namespace vecferry::cli {
namespace {

bool HasCheck(const core::Report& report, absl::string_view name, absl::string_view verdict) {
  return std::any_of(report.checks.begin(), report.checks.end(),
                     [&](const core::CheckReport& one) { return one.name == name && one.verdict == verdict; });
}

// Rows of any migration into the schema that are not as their source has them, on purpose.
absl::Status CheckNothingDecided(const std::string& schema, postgres::Connection& ledger) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(ledger));
  if (!exists) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const postgres::Result decided,
      ledger.Execute(
          "SELECT count(*) FILTER (WHERE i.action = 'skipped'), count(*) FILTER (WHERE i.action = 'replayed') "
          "FROM vecferry.row_issue i JOIN vecferry.migration m ON m.id = i.migration_id WHERE "
          "m.destination_schema = $1 AND m.state <> 'DROPPED' AND (i.action = 'skipped' OR i.action = "
          "'replayed' AND pg_catalog.strpos(i.reason, $2) > 0)",
          {schema, std::string(core::kCarriedWithAnother)}));
  const std::int64_t kept = decided.integer(0, 0), replayed = decided.integer(0, 1);
  if (kept + replayed == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "of ", kept, " conflicting rows the destination's were kept, and ", replayed,
      " rejected rows were carried with other values (vecferry.issues: skipped, replayed); a repair would take the "
      "source's for all of them. If that is wanted: vecferry migrate copy --on-conflict update"));
}

}  // namespace

bool HasRowsToCarry(const core::Report& report) {
  const bool named =
      std::any_of(report.differences.begin(), report.differences.end(),
                  [](const core::DifferenceReport& one) { return one.kind == "missing" || one.kind == "differing"; });
  return HasCheck(report, "rows_equal", "fail") && (named || report.differences_more > 0);
}

absl::Status CheckRepairable(const core::Report& report, bool source_changed, const std::string& schema,
                             postgres::Connection& ledger) {
  if (HasCheck(report, "rows_equal", "skipped")) {
    return absl::FailedPreconditionError(
        "the structure of a table does not let its rows be compared, and none is written that was not told: mend that "
        "table first");
  }
  if (source_changed && HasCheck(report, "rows_read", "fail")) {
    return absl::FailedPreconditionError(
        "the source has other rows than it had when it was copied; its present ones come by: vecferry migrate copy "
        "--on-conflict update");
  }
  if (HasCheck(report, "refusals_hold", "fail") || HasCheck(report, "refusals_hold", "skipped")) {
    return absl::FailedPreconditionError(
        absl::StrCat("rejected rows may be carried now; first do that: vecferry rejects replay ", report.migration_id));
  }
  return CheckNothingDecided(schema, ledger);
}

absl::StatusOr<bool> IsRepairCutOff(const core::Identity& identity, postgres::Connection& ledger) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(ledger));
  if (!exists) return false;
  ASSIGN_OR_RETURN(const std::optional<postgres::MigrationRow> row,
                   postgres::FindUnfinished(ledger, coordinator::IdentityText(identity)));
  if (!row) return false;
  ASSIGN_OR_RETURN(const rpc::StartOptions options, coordinator::ParseOptions(row->options));
  if (options.no_indexes && options.no_verify) return true;
  return absl::FailedPreconditionError(absl::StrCat("migration ", row->id, " of the same rows is ",
                                                    core::ToString(row->state),
                                                    ": finish it by its own copy command before a repair"));
}

}  // namespace vecferry::cli
