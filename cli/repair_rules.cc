#include "cli/repair_rules.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vecferry::cli {
namespace {

bool HasFailed(const core::Report& report, absl::string_view check) {
  return std::any_of(report.checks.begin(), report.checks.end(),
                     [&](const core::CheckReport& one) { return one.name == check && one.verdict == "fail"; });
}

}  // namespace

bool HasRowsToCarry(const core::Report& report) {
  const bool named =
      std::any_of(report.differences.begin(), report.differences.end(),
                  [](const core::DifferenceReport& one) { return one.kind == "missing" || one.kind == "differing"; });
  return named || (report.differences_more > 0 && HasFailed(report, "rows_equal"));
}

absl::Status CheckRepairable(const core::Report& report) {
  if (report.totals.conflicting > 0) {
    const char* const kept =
        report.totals.conflicting == 1 ? " row as the destination had it" : " rows as the destination had them";
    return absl::FailedPreconditionError(absl::StrCat(
        "migration ", report.migration_id, " left ", report.totals.conflicting, kept,
        ", and a repair would take the source's; if that is wanted: vecferry migrate copy --on-conflict update"));
  }
  if (HasFailed(report, "refusals_hold")) {
    return absl::FailedPreconditionError(absl::StrCat(
        "rows that were rejected can be carried now; first do that: vecferry rejects replay ", report.migration_id));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::cli
