// Migrations as the ledger has them, whoever drives them: looking at them, carrying their rejected rows.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"
#include "common/rpc/plan_codec.h"
#include "coordinator/destination.h"
#include "coordinator/hold.h"
#include "coordinator/migrations.h"
#include "coordinator/migrations_report.h"
#include "coordinator/planning.h"
#include "coordinator/replay.h"
#include "coordinator/sequences.h"

namespace vecferry::coordinator {
namespace {

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
  if (const DriverPointer driver = FindWorking(id)) return driver->GetReport();
  return GetStored(id, connection);
}

absl::StatusOr<core::Report> Migrations::GetStored(const std::string& id, const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/status"));
  RETURN_IF_ERROR(NeedLedger(session));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  return ReadReport(session, conninfo, row);
}

absl::Status Migrations::RecordPage(const std::string& id, const std::string& connection, const std::string& sha256) {
  constexpr std::size_t kDigits = 64;
  if (sha256.size() != kDigits || !std::all_of(sha256.begin(), sha256.end(), absl::ascii_isxdigit)) {
    return absl::InvalidArgumentError("sha256 takes 64 hexadecimal digits");
  }
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/page"));
  RETURN_IF_ERROR(NeedLedger(session));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  return postgres::RecordPageDigest(session, row.id, sha256);
}

absl::StatusOr<std::vector<core::Report>> Migrations::List(const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/status"));
  std::vector<core::Report> reports;
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (!exists) return reports;
  ASSIGN_OR_RETURN(const std::vector<postgres::MigrationRow> rows, postgres::ListMigrations(session));
  for (const postgres::MigrationRow& row : rows) {
    ASSIGN_OR_RETURN(core::Report report, ReadReport(session, conninfo, row));
    reports.push_back(std::move(report));
  }
  return reports;
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
  ASSIGN_OR_RETURN(core::ReplayOutcome outcome,
                   coordinator::Replay({session, plan, row.id, selection, [this] { return stopping(); }}));
  if (selection.dry_run || outcome.carried + outcome.present == 0) return outcome;
  RETURN_IF_ERROR(AdvanceSequences(session, plan));
  // Waits for the disk, and with it for every row before it.
  RETURN_IF_ERROR(postgres::RecordEvent(
      session, row.id, "replayed",
      absl::StrCat(outcome.carried, " rejected rows were carried, ", outcome.present, " were there already")));
  return outcome;
}

}  // namespace vecferry::coordinator
