// Migrations as the ledger has them, whoever drives them: looking at them, cancelling, dropping,
// carrying their rejected rows.
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"
#include "common/rpc/plan_codec.h"
#include "coordinator/destination.h"
#include "coordinator/hold.h"
#include "coordinator/host_identity.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/migrations.h"
#include "coordinator/planning.h"
#include "coordinator/replay.h"
#include "coordinator/sequences.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::Duration kWatchInterval = absl::Milliseconds(500);
// A driver that was cancelled lets go within a second or two; one that hangs counts as dead after 30 s of silence.
constexpr absl::Duration kHolderPatience = absl::Seconds(40);

absl::StatusOr<core::Report> Read(postgres::Connection& session, const std::string& conninfo,
                                  const postgres::MigrationRow& row) {
  ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
  ASSIGN_OR_RETURN(core::Report report, postgres::LoadReport(session, row, plan));
  report.destination_url = postgres::MaskConninfo(conninfo);
  return report;
}

absl::Status NeedLedger(postgres::Connection& session) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (exists) return absl::OkStatus();
  return absl::NotFoundError("the destination database holds no migration yet");
}

absl::Status CheckMayReplay(const postgres::MigrationRow& row) {
  const std::string state(core::ToString(row.state));
  if (row.state == core::State::kDropped) {
    return absl::FailedPreconditionError(absl::StrCat("migration ", row.id, " is ", state, ": its tables are gone"));
  }
  if (core::IsEnded(row.state)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("migration ", row.id, " is ", state,
                                                    ": run the same `vecferry migrate copy` command again until it is "
                                                    "finished, then carry its rejected rows"));
}

// Rows may have come with ids beyond those of the copy.
absl::Status AdvanceSequences(postgres::Connection& session, const core::Plan& plan) {
  for (const core::FinishStep& step : plan.steps) {
    if (step.kind != core::StepKind::kSequence) continue;
    RETURN_IF_ERROR(AdvanceSequence(session, core::QualifiedName(plan.identity.destination_schema, step.table), step));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<core::Report> Migrations::Get(const std::string& id, const std::string& connection) {
  if (const DriverPointer driver = FindDriver(id)) return driver->GetReport();
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/status"));
  RETURN_IF_ERROR(NeedLedger(session));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  return Read(session, conninfo, row);
}

absl::StatusOr<std::vector<core::Report>> Migrations::List(const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/status"));
  std::vector<core::Report> reports;
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (!exists) return reports;
  ASSIGN_OR_RETURN(const std::vector<postgres::MigrationRow> rows, postgres::ListMigrations(session));
  for (const postgres::MigrationRow& row : rows) {
    ASSIGN_OR_RETURN(core::Report report, Read(session, conninfo, row));
    reports.push_back(std::move(report));
  }
  return reports;
}

absl::Status Migrations::Watch(const std::string& id, const std::string& connection,
                               const std::function<bool(const core::Report&)>& on_report) {
  ASSIGN_OR_RETURN(const core::Report first, Get(id, connection));
  const DriverPointer driver = FindDriver(first.migration_id);
  if (driver == nullptr) {
    on_report(first);
    return absl::OkStatus();
  }
  bool go_on = true;
  for (bool ended = false; go_on && !ended;) {
    // Asked before the report is read, which is then the one of the end.
    ended = driver->ended();
    ASSIGN_OR_RETURN(const core::Report report, driver->GetReport());
    go_on = on_report(report);
    if (!ended) driver->AwaitEnd(kWatchInterval);
  }
  return absl::OkStatus();
}

absl::StatusOr<core::Report> Migrations::Cancel(const std::string& id, const std::string& connection, bool drop) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session,
                   OpenWritingSession(conninfo, "vecferry/cancel", [this] { return stopping(); }));
  RETURN_IF_ERROR(NeedLedger(session));
  ASSIGN_OR_RETURN(postgres::MigrationRow row, postgres::GetMigration(session, id));
  if (core::IsEnded(row.state)) {
    return absl::FailedPreconditionError(absl::StrCat("migration ", row.id, " has ended already (",
                                                      core::ToString(row.state), "): there is nothing to cancel"));
  }
  RETURN_IF_ERROR(CancelMigration(session, row.id));
  if (drop) RETURN_IF_ERROR(DropMigration(conninfo, row));
  ASSIGN_OR_RETURN(row, postgres::GetMigration(session, row.id));
  return Read(session, conninfo, row);
}

absl::StatusOr<core::ReplayOutcome> Migrations::Replay(const std::string& id, const std::string& connection,
                                                       const core::ReplaySelection& selection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session,
                   OpenWritingSession(conninfo, "vecferry/replay", [this] { return stopping(); }));
  RETURN_IF_ERROR(NeedLedger(session));
  RETURN_IF_ERROR(postgres::EnsureLedger(session));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  RETURN_IF_ERROR(CheckMayReplay(row));
  ASSIGN_OR_RETURN(core::Plan plan, rpc::ParsePlan(row.plan));
  // Which row came first is seen at the destination now.
  for (core::Mapping& mapping : plan.mappings) mapping.duplicates.clear();
  RETURN_IF_ERROR(CheckSelection(plan, selection));
  RETURN_IF_ERROR(CheckClaims(session, plan.identity.destination_schema, &plan));
  RETURN_IF_ERROR(CheckTables(session, plan));
  RETURN_IF_ERROR(session.Execute("SELECT set_config('search_path', $1, false)", {SearchPath(plan)}).status());
  ASSIGN_OR_RETURN(core::ReplayOutcome outcome, coordinator::Replay({session, plan, row.id, selection, [this] { return stopping(); }}));
  if (selection.dry_run || outcome.carried + outcome.present == 0) return outcome;
  RETURN_IF_ERROR(AdvanceSequences(session, plan));
  // Waits for the disk, and with it for every row before it.
  RETURN_IF_ERROR(postgres::RecordEvent(
      session, row.id, "replayed",
      absl::StrCat(outcome.carried, " rejected rows were carried, ", outcome.present, " were there already")));
  return outcome;
}

absl::Status Migrations::DropMigration(const std::string& conninfo, const postgres::MigrationRow& row) {
  ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
  ASSIGN_OR_RETURN(postgres::Connection lock, OpenCoordinatorSession(conninfo));
  ASSIGN_OR_RETURN(const std::uint64_t epoch, postgres::TakeCoordination(lock, row.id, ThisProcess(), kHolderPatience));
  ASSIGN_OR_RETURN(
      postgres::Connection session,
      OpenWritingSession(conninfo, absl::StrCat("vecferry/", row.id, "/drop"), [this] { return stopping(); }));
  RETURN_IF_ERROR(postgres::TerminateLeftovers(session, row.id));
  return postgres::InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(DropTables(session, plan));
    RETURN_IF_ERROR(postgres::SetState(session, row.id, epoch, core::State::kDropped, ""));
    return postgres::ReleaseClaims(session, row.id);
  });
}

}  // namespace vecferry::coordinator
