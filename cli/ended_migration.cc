#include "cli/ended_migration.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/choose_migration.h"
#include "cli/conclude.h"
#include "cli/repair_rules.h"
#include "cli/summary.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::cli {
namespace {

bool CanBeCompared(const core::Report& report) {
  return core::IsEnded(report.state) && report.state != core::State::kDropped;
}

}  // namespace

absl::StatusOr<std::optional<EndedMigration>> ChooseEnded(const Options& options) {
  using Answer = std::optional<EndedMigration>;
  KnownMigrations known;
  RETURN_IF_ERROR(ListMigrations(options, known));
  std::string id = options.migration_id;
  if (id.empty()) {
    std::vector<core::Report> candidates = known.reports;
    std::erase_if(candidates, [](const core::Report& report) { return !CanBeCompared(report); });
    if (candidates.size() > 1) RETURN_IF_ERROR(LeaveRepairsOut(known.destination->conninfo, candidates));
    if (candidates.size() > 1) {
      WriteAll(stderr, absl::StrCat("vecferry: several migrations have ended; give the ID of one of these\n",
                                    FormatList(candidates)));
      return Answer();
    }
    if (candidates.size() == 1) id = candidates[0].migration_id;
  }
  ASSIGN_OR_RETURN(const core::Report* const chosen, ChooseMigration(known.reports, id));
  if (chosen == nullptr) return Answer();
  if (!CanBeCompared(*chosen)) {
    return absl::FailedPreconditionError(
        absl::StrCat("migration ", chosen->migration_id, " is ", core::ToString(chosen->state),
                     chosen->state == core::State::kDropped ? ": its tables are gone"
                                                            : ": finish it by its own copy command first"));
  }
  return LoadEnded(*known.destination, chosen->migration_id);
}

absl::StatusOr<EndedMigration> LoadEnded(const Destination& destination, const std::string& id) {
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = destination.conninfo}));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  ASSIGN_OR_RETURN(core::Plan plan, rpc::ParsePlan(row.plan));
  ASSIGN_OR_RETURN(core::Report report, postgres::LoadReport(session, row, plan));
  const bool no_indexes = nlohmann::json::parse(row.options).value("no_indexes", false);
  return EndedMigration{destination, std::move(plan), std::move(report), no_indexes};
}

}  // namespace vecferry::cli
