// Commands that a running coordinator carries out.
#include "cli/remote_command.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/choose_migration.h"
#include "cli/conclude.h"
#include "cli/plan_text.h"
#include "cli/progress.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/telemetry/log.h"

namespace vecferry::cli {
namespace {

// Ends the process at a signal: what it watches goes on without it.
class DetachOnSignal {
 public:
  explicit DetachOnSignal(base::ProcessSignals& signals) : signals_(signals) {
    signals_.OnInterrupt([] {
      WriteAll(stderr,
               "vecferry: interrupted; the migration goes on at the coordinator, and the same command watches it again "
               "(vecferry migrate pause stops it)\n");
      _exit(base::kInterruptedExitCode);
    });
  }
  ~DetachOnSignal() { signals_.ClearHandler(); }
  DetachOnSignal(const DetachOnSignal&) = delete;
  DetachOnSignal& operator=(const DetachOnSignal&) = delete;

 private:
  base::ProcessSignals& signals_;
};

absl::StatusOr<core::Report> WatchToEnd(const RemoteOptions& remote, rpc::MigrationClient& migrations,
                                        const std::string& id, ProgressMode mode) {
  Progress progress(mode);
  absl::StatusOr<core::Report> report =
      WatchRemote(migrations, id, remote.connection, [&](const core::Report& now) { progress.Update(now); });
  progress.Stop();
  return report;
}

}  // namespace

rpc::StartOptions MakeRequest(const CopyOptions& copy, const std::string& connection, int streams) {
  rpc::StartOptions start;
  start.identity = copy.identity;
  start.connection = connection;
  start.connections_max = copy.connections_max;
  start.readers = start.writers = streams;
  start.batch_rows_max = copy.batch_rows_max;
  start.rejects_max = copy.rejects_max;
  start.no_indexes = copy.no_indexes;
  start.no_verify = copy.no_verify;
  start.verify_level = copy.verify.level;
  start.on_source_change = copy.on_source_change;
  return start;
}

absl::StatusOr<int> RunRemoteCopy(const Options& options, base::ProcessSignals& signals) {
  const CopyOptions& copy = options.copy;
  const RemoteOptions& remote = options.remote;
  if (!absl::StartsWith(copy.identity.source_path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--sqlite-path: '", core::SanitizeText(copy.identity.source_path),
                     "' is opened where the coordinator runs; allowed: an absolute path"));
  }
  RETURN_IF_ERROR(CheckReportsWritable(copy));
  WriteAll(stderr, absl::StrCat("destination: ", RemoteDestination(remote), "\n"));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::MigrationClient> migrations, ConnectCoordinator(remote));
  const DetachOnSignal detach(signals);
  const int streams = copy.connections_max - core::kLedgerConnections;
  const rpc::StartOptions request = MakeRequest(copy, remote.connection, streams);
  if (copy.dry_run) {
    rpc::DrawnPlan drawn;
    RETURN_IF_ERROR(AskAgain(remote, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(drawn, migrations->Plan(request));
      return absl::OkStatus();
    }));
    PlanContext context{RemoteDestination(remote), drawn.resumes_migration_id, streams, copy.no_indexes, copy.no_verify,
                        sqlite::CopyTime::kFirst};
    WriteAll(stdout, FormatPlan(drawn.plan, context));
    return 0;
  }
  rpc::Started started;
  RETURN_IF_ERROR(AskAgain(remote, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(started, migrations->Start(request));
    return absl::OkStatus();
  }));
  WriteAll(stderr, absl::StrCat(started.resumed ? "resuming" : "starting", " migration ", started.migration_id, "\n"));
  ASSIGN_OR_RETURN(core::Report report, WatchToEnd(remote, *migrations, started.migration_id, copy.progress));
  return Conclude(copy, std::move(report), DestinationBy::kCoordinator, *migrations, remote.connection);
}

absl::StatusOr<int> RunRemoteMigrate(const Options& options, base::ProcessSignals& signals) {
  if (options.remote.coordinator.empty()) {
    return absl::InvalidArgumentError("--coordinator is missing; allowed: HOST:PORT of a running coordinator");
  }
  RETURN_IF_ERROR(telemetry::StartLogging({options.copy.log_level}));
  KnownMigrations known;
  RETURN_IF_ERROR(ListMigrations(options, known));
  ASSIGN_OR_RETURN(const core::Report* const chosen, ChooseMigration(known.reports, options.migration_id));
  if (chosen == nullptr) return 2;
  const std::string& id = chosen->migration_id;
  switch (options.command) {
    case Command::kMigratePause: {
      const absl::StatusOr<core::Report> report = known.migrations().Pause(id, known.connection());
      RETURN_IF_ERROR(WhetherDone(options.remote, report.status()));
      WriteAll(stdout, absl::StrCat("migration ", id, " is ", core::ToString(report->state),
                                    report->state == core::State::kPaused ? "; `vecferry migrate resume` goes on\n"
                                                                          : "; it does not run\n"));
      return 0;
    }
    case Command::kMigrateResume: {
      RETURN_IF_ERROR(WhetherDone(options.remote, known.migrations().Resume(id, known.connection()).status()));
      WriteAll(stdout, absl::StrCat("migration ", id, " goes on; `vecferry migrate watch` shows it\n"));
      return 0;
    }
    default: {
      const DetachOnSignal detach(signals);
      ASSIGN_OR_RETURN(core::Report report, WatchToEnd(options.remote, known.migrations(), id, options.copy.progress));
      return Conclude(options.copy, std::move(report), DestinationBy::kCoordinator, known.migrations(),
                      known.connection());
    }
  }
}

}  // namespace vecferry::cli
