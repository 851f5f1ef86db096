#include <stdio.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "cli/commands.h"
#include "cli/conclude.h"
#include "cli/destination.h"
#include "cli/local_postgres.h"
#include "cli/own_migration.h"
#include "cli/pipeline.h"
#include "cli/plan_text.h"
#include "cli/remote_command.h"
#include "common/base/status_macros.h"
#include "common/service/options.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing.h"

namespace vecferry::cli {
namespace {

constexpr int kOwnSourceConnections = 2;  // the coordinator's and the verifier's

std::int64_t FileBytes(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

// `migrate copy`, stage by stage. Not thread-safe.
class CopyCommand {
 public:
  CopyCommand(const CopyOptions& copy, base::ProcessSignals& signals) : copy_(copy), signals_(signals) {}
  absl::StatusOr<int> Run(const std::string& postgres_url);

 private:
  absl::Status OpenSource();
  absl::Status PrepareDestination();
  absl::StatusOr<int> SayPlan(OwnMigration& migration);
  absl::StatusOr<int> Migrate(Pipeline& pipeline, OwnMigration& migration);

  CopyOptions copy_;
  base::ProcessSignals& signals_;
  Destination destination_;
  bool destination_runs_ = true;
  int streams_ = 1;
  std::unique_ptr<sqlite::Snapshot> snapshot_;
};

absl::StatusOr<int> CopyCommand::Run(const std::string& postgres_url) {
  ASSIGN_OR_RETURN(destination_, ChooseDestination(postgres_url));
  WriteAll(stderr, DestinationLine(destination_));
  RETURN_IF_ERROR(CheckReportsWritable(copy_));
  streams_ = CountStreams(copy_);
  // The source first: nothing is started for a file that cannot be read.
  const absl::Status opened = OpenSource();
  if (signals_.interrupted()) return base::kInterruptedExitCode;
  RETURN_IF_ERROR(opened);
  RETURN_IF_ERROR(PrepareDestination());
  Pipeline pipeline({destination_.conninfo, destination_runs_, streams_}, snapshot_.get());
  OwnMigration migration(copy_, pipeline, streams_, [this] { return signals_.interrupted(); });
  signals_.OnInterrupt([&migration] {
    WriteAll(stderr, "vecferry: interrupted, leaving a resumable state (again to end at once)\n");
    migration.Interrupt();
  });
  const auto clear = absl::MakeCleanup([this] { signals_.ClearHandler(); });
  absl::StatusOr<int> code = copy_.dry_run ? SayPlan(migration) : Migrate(pipeline, migration);
  // What a cancelled statement or a closed stream said is no news.
  if (!code.ok() && signals_.interrupted()) {
    WriteAll(stderr, "vecferry: interrupted; the same command resumes\n");
    return base::kInterruptedExitCode;
  }
  return code;
}

absl::Status CopyCommand::OpenSource() {
  copy_.identity.source_path = sqlite::RealPath(copy_.identity.source_path);
  sqlite::SnapshotOptions options{.mode = copy_.snapshot, .scratch_dir = copy_.scratch_dir};
  options.on_notice = telemetry::LogWarning;
  // A dry run writes no copy either; it holds a rollback-journal store's writer up only while it plans.
  if (copy_.dry_run && options.mode == sqlite::SnapshotMode::kAuto) options.mode = sqlite::SnapshotMode::kDirect;
  options.stopping = [this] { return signals_.interrupted(); };
  signals_.OnInterrupt([] { WriteAll(stderr, "vecferry: interrupted\n"); });
  const auto clear = absl::MakeCleanup([this] { signals_.ClearHandler(); });
  ASSIGN_OR_RETURN(snapshot_,
                   sqlite::Snapshot::Open(copy_.identity.source_path, streams_ + kOwnSourceConnections, options));
  return absl::OkStatus();
}

absl::Status CopyCommand::PrepareDestination() {
  if (!destination_.is_private) return absl::OkStatus();
  ASSIGN_OR_RETURN(LocalPostgres local, LocalPostgres::Locate());
  if (copy_.dry_run) {
    destination_runs_ = local.exists() && local.Running();
    return absl::OkStatus();
  }
  return local.Start();
}

absl::StatusOr<int> CopyCommand::SayPlan(OwnMigration& migration) {
  ASSIGN_OR_RETURN(const rpc::DrawnPlan drawn, migration.Plan());
  PlanContext context{destination_.masked, drawn.resumes_migration_id, streams_, copy_.no_indexes, copy_.no_verify};
  if (!destination_runs_) context.destination += " (does not run yet; taken as empty)";
  ASSIGN_OR_RETURN(context.source_copied, sqlite::WhenCopied(copy_.identity.source_path, copy_.snapshot));
  context.source_bytes = FileBytes(copy_.identity.source_path);
  WriteAll(stdout, FormatPlan(drawn.plan, context));
  return 0;
}

absl::StatusOr<int> CopyCommand::Migrate(Pipeline& pipeline, OwnMigration& migration) {
  ASSIGN_OR_RETURN(core::Report report, migration.Run());
  report.destination_url = destination_.masked;
  return Conclude(copy_, std::move(report), destination_.by, pipeline.migrations(), pipeline.connection());
}

}  // namespace

absl::StatusOr<int> RunCopy(const Options& options, base::ProcessSignals& signals) {
  const auto format = options.copy.log_format == "json" ? telemetry::LogFormat::kJson : telemetry::LogFormat::kText;
  RETURN_IF_ERROR(telemetry::StartLogging({options.copy.log_level, format}));
  ASSIGN_OR_RETURN(const std::unique_ptr<telemetry::Tracing> tracing,
                   telemetry::Tracing::Start("vecferry", service::ProcessEnvironment()));
  if (!options.remote.coordinator.empty()) return RunRemoteCopy(options, signals);
  return CopyCommand(options.copy, signals).Run(options.postgres_url);
}

}  // namespace vecferry::cli
