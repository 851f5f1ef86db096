// Watching, pausing, resuming, cancelling migrations, and taking up those that nobody drives any more: wherever they
// run, by way of the ledger.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/core/waiting_step.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"
#include "common/rpc/plan_codec.h"
#include "common/telemetry/log.h"
#include "coordinator/destination.h"
#include "coordinator/hold.h"
#include "coordinator/host_identity.h"
#include "coordinator/identity.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/migrations.h"
#include "coordinator/migrations_report.h"
#include "coordinator/planning.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::Duration kWatchInterval = absl::Milliseconds(500);
// A driver that was cancelled lets go within a second or two; one that hangs counts as dead after 30 s of silence.
constexpr absl::Duration kHolderPatience = absl::Seconds(40);
// A driver tells each second that it lives.
constexpr double kUndrivenSeconds = 3;
// As long as a silent driver keeps its hold, and a while for the next one to come.
constexpr double kAbandonedSeconds = 120;

absl::Status Ended(const postgres::MigrationRow& row, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("migration ", row.id, " has ended already (",
                                                    core::ToString(row.state), "): there is nothing to ", what));
}

}  // namespace

// ---- watching ----

absl::Status Migrations::Watch(const std::string& id, const std::string& connection,
                               const std::function<bool(const core::Report&)>& on_report) {
  ASSIGN_OR_RETURN(const core::Report first, Get(id, connection));
  while (true) {
    if (const DriverPointer driver = FindWorking(first.migration_id)) {
      ASSIGN_OR_RETURN(const core::Report last, WatchDriver(*driver, on_report));
      if (options_.life == Life::kCommand || !core::IsRunning(last.state)) return absl::OkStatus();
      if (stopping()) return absl::UnavailableError("this coordinator stops; another one takes the migration up");
    } else if (options_.life == Life::kCommand) {
      on_report(first);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const bool taken_up, WatchLedger(first.migration_id, connection, on_report));
    if (!taken_up) return absl::OkStatus();
  }
}

absl::StatusOr<core::Report> Migrations::WatchDriver(Driver& driver,
                                                     const std::function<bool(const core::Report&)>& on_report) {
  while (true) {
    // Asked before the report is read, which is then the one of the end.
    const bool ended = driver.ended();
    ASSIGN_OR_RETURN(core::Report report, driver.GetRecentReport());
    if (!on_report(report)) return absl::CancelledError("the caller is gone");
    if (ended) return report;
    driver.AwaitEnd(kWatchInterval);
  }
}

absl::StatusOr<bool> Migrations::WatchLedger(const std::string& id, const std::string& connection,
                                             const std::function<bool(const core::Report&)>& on_report) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/watch"));
  while (true) {
    ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
    ASSIGN_OR_RETURN(core::Report report, ReadReport(session, conninfo, row));
    const bool running = core::IsRunning(row.state);
    if (running && row.coordinator_silent_seconds > kUndrivenSeconds) report.step = core::kWaitingForCoordinator;
    if (FindWorking(id) != nullptr) return true;
    if (!on_report(report)) return absl::CancelledError("the caller is gone");
    if (!running || row.coordinator_silent_seconds > kAbandonedSeconds) return false;
    base::MutexLock lock(&mutex_);
    const auto stopping = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; };
    if (mutex_.AwaitUntil(absl::Now() + kWatchInterval, stopping)) {
      return absl::UnavailableError("this coordinator stops");
    }
  }
}

// ---- pausing, resuming, cancelling ----

absl::StatusOr<core::Report> Migrations::Halt(const std::string& id, const std::string& connection,
                                              core::State halted) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session,
                   OpenWritingSession(conninfo, "vecferry/halt", [this] { return stopping(); }));
  RETURN_IF_ERROR(NeedLedger(session));
  ASSIGN_OR_RETURN(postgres::MigrationRow row, postgres::GetMigration(session, id));
  if (core::IsEnded(row.state)) return Ended(row, halted == core::State::kPaused ? "pause" : "cancel");
  // One that stopped by itself keeps what it says of that.
  if (halted == core::State::kCancelled || core::IsRunning(row.state)) {
    RETURN_IF_ERROR(HaltMigration(session, row.id, halted));
    ASSIGN_OR_RETURN(row, postgres::GetMigration(session, row.id));
  }
  return ReadReport(session, conninfo, row);
}

absl::StatusOr<core::Report> Migrations::Pause(const std::string& id, const std::string& connection) {
  return Halt(id, connection, core::State::kPaused);
}

absl::StatusOr<core::Report> Migrations::Cancel(const std::string& id, const std::string& connection, bool drop) {
  ASSIGN_OR_RETURN(core::Report report, Halt(id, connection, core::State::kCancelled));
  if (!drop) return report;
  RETURN_IF_ERROR(DropMigration(report.migration_id, connection));
  return GetStored(report.migration_id, connection);
}

absl::StatusOr<rpc::Started> Migrations::Resume(const std::string& id, const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection ledger, OpenCoordinatorSession(conninfo, [this] { return stopping(); }));
  RETURN_IF_ERROR(NeedLedger(ledger));
  RETURN_IF_ERROR(postgres::EnsureLedger(ledger));
  ASSIGN_OR_RETURN(postgres::MigrationRow row, postgres::GetMigration(ledger, id));
  if (core::IsEnded(row.state)) return Ended(row, "resume");
  return DriveAgain(conninfo, connection, {std::move(row), nullptr}, std::move(ledger));
}

absl::StatusOr<rpc::Started> Migrations::DriveAgain(const std::string& conninfo, const std::string& connection,
                                                    Found found, postgres::Connection ledger) {
  ASSIGN_OR_RETURN(rpc::StartOptions options, ParseOptions(found.row.options));
  ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(found.row.plan));
  options.identity = plan.identity;
  options.connection = connection;
  return Drive(conninfo, options, std::move(found), std::move(ledger));
}

absl::Status Migrations::DropMigration(const std::string& id, const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection lock, OpenCoordinatorSession(conninfo));
  ASSIGN_OR_RETURN(const std::uint64_t epoch, postgres::TakeCoordination(lock, id, ThisProcess(), kHolderPatience));
  ASSIGN_OR_RETURN(postgres::Connection session,
                   OpenWritingSession(conninfo, absl::StrCat("vecferry/", id, "/drop"), [this] { return stopping(); }));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, id));
  if (core::IsEnded(row.state)) return Ended(row, "drop");
  ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
  RETURN_IF_ERROR(postgres::TerminateLeftovers(session, id));
  RETURN_IF_ERROR(postgres::InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(DropTables(session, plan));
    RETURN_IF_ERROR(postgres::SetState(session, id, epoch, core::State::kDropped, ""));
    return postgres::ReleaseClaims(session, id);
  }));
  sources_->Discard(plan.snapshot);
  return absl::OkStatus();
}

// ---- taking up ----

absl::StatusOr<std::vector<postgres::MigrationRow>> Migrations::Unfinished(postgres::Connection& session) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (!exists) return std::vector<postgres::MigrationRow>();
  return postgres::ListUnfinished(session);
}

absl::StatusOr<std::vector<std::string>> Migrations::SnapshotsOf(const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/look"));
  ASSIGN_OR_RETURN(const std::vector<postgres::MigrationRow> rows, Unfinished(session));
  std::vector<std::string> snapshots;
  for (const postgres::MigrationRow& row : rows) {
    ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
    if (!plan.snapshot.empty()) snapshots.push_back(plan.snapshot);
  }
  return snapshots;
}

absl::Status Migrations::TakeUp(const std::string& connection) {
  ASSIGN_OR_RETURN(const std::string conninfo, Resolve(connection));
  ASSIGN_OR_RETURN(postgres::Connection session, Open(conninfo, "vecferry/look"));
  ASSIGN_OR_RETURN(std::vector<postgres::MigrationRow> rows, Unfinished(session));
  absl::Status first;  // one that cannot be taken up keeps no other from it
  for (postgres::MigrationRow& row : rows) {
    if (!core::IsRunning(row.state) || row.coordinator_silent_seconds < kUndrivenSeconds) continue;
    const std::string id = row.id;
    const absl::Status taken = TakeUpOne(conninfo, std::move(row));
    if (first.ok() && !taken.ok()) {
      first = absl::Status(taken.code(), absl::StrCat("migration ", id, " cannot be taken up: ", taken.message()));
    }
  }
  return first;
}

absl::Status Migrations::TakeUpOne(const std::string& conninfo, postgres::MigrationRow row) {
  ASSIGN_OR_RETURN(const bool for_service, IsForService(row.options));
  ASSIGN_OR_RETURN(const rpc::StartOptions options, ParseOptions(row.options));
  // By the name that its caller used, which may be spelt otherwise than the one looked through. A command's connection
  // has no name here.
  const absl::StatusOr<std::string> its = Resolve(options.connection);
  const std::string id = row.id;
  const DriverPointer driver = FindDriver(id);
  if (!for_service || !its.ok() || *its != conninfo || (driver != nullptr && !driver->ended())) return absl::OkStatus();
  ASSIGN_OR_RETURN(postgres::Connection ledger, OpenCoordinatorSession(conninfo, [this] { return stopping(); }));
  const absl::StatusOr<rpc::Started> taken =
      DriveAgain(conninfo, options.connection, {std::move(row), nullptr, /*only_running=*/true}, std::move(ledger));
  // Its driver was only slow, another took it up first, or it was halted.
  if (absl::IsAlreadyExists(taken.status())) return absl::OkStatus();
  RETURN_IF_ERROR(taken.status());
  telemetry::LogInfo(absl::StrCat("migration ", id, " is taken up again"));
  return absl::OkStatus();
}

}  // namespace vecferry::coordinator
