#include <stdio.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/choose_migration.h"
#include "cli/commands.h"
#include "cli/conclude.h"
#include "cli/gathered_findings.h"
#include "cli/pipeline.h"
#include "cli/progress.h"
#include "cli/remote_command.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/postgres/ledger.h"
#include "common/rpc/plan_codec.h"
#include "common/service/options.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing.h"

namespace vecferry::cli {
namespace {

constexpr int kSourceConnections = 2;  // the coordinator's, which draws plans, and the verifier's

// `vecferry verify`, stage by stage. Not thread-safe.
class VerifyCommand {
 public:
  VerifyCommand(const Options& options, base::ProcessSignals& signals)
      : options_(options), copy_(options.copy), signals_(signals) {}

  absl::StatusOr<int> Run();

 private:
  // What a migration's ledger says; 2: there was no one migration to choose.
  absl::StatusOr<int> LoadMigration();
  absl::Status OpenSource();
  absl::Status DrawPlan(Pipeline& pipeline);
  void CompareFingerprints();
  absl::StatusOr<int> Verify(Pipeline& pipeline);
  void Store();

  const Options& options_;
  CopyOptions copy_;
  base::ProcessSignals& signals_;
  Destination destination_;
  std::optional<core::Plan> plan_;
  core::Report report_;
  std::unique_ptr<sqlite::Snapshot> snapshot_;
};

absl::StatusOr<int> VerifyCommand::Run() {
  RETURN_IF_ERROR(CheckReportsWritable(copy_));
  if (options_.verify_file) {
    ASSIGN_OR_RETURN(const std::optional<Destination> reached, ReachDestination(options_.postgres_url));
    if (!reached)
      return absl::FailedPreconditionError("the private local server was never made: nothing to compare with");
    destination_ = *reached;
  } else {
    ASSIGN_OR_RETURN(const int code, LoadMigration());
    if (code != 0) return code;
  }
  const absl::Status opened = OpenSource();
  if (signals_.interrupted()) return base::kInterruptedExitCode;
  RETURN_IF_ERROR(opened);
  Pipeline pipeline({destination_.conninfo, /*destination_runs=*/true, /*streams=*/0}, snapshot_.get());
  signals_.OnInterrupt([&pipeline] {
    WriteAll(stderr, "vecferry: interrupted; nothing was changed\n");
    pipeline.Interrupt();
  });
  const auto clear = absl::MakeCleanup([this] { signals_.ClearHandler(); });
  absl::StatusOr<int> code = Verify(pipeline);
  if (!code.ok() && signals_.interrupted()) return base::kInterruptedExitCode;
  return code;
}

absl::StatusOr<int> VerifyCommand::LoadMigration() {
  KnownMigrations known;
  RETURN_IF_ERROR(ListMigrations(options_, known));
  std::vector<core::Report> candidates = known.reports;
  std::string id = options_.migration_id;
  if (id.empty()) {
    // A migration that runs, or is to go on, is not there to be compared.
    std::erase_if(candidates, [](const core::Report& report) {
      return !core::IsEnded(report.state) || report.state == core::State::kDropped;
    });
    if (candidates.size() == 1) id = candidates[0].migration_id;
  }
  ASSIGN_OR_RETURN(const core::Report* const chosen, ChooseMigration(known.reports, id));
  if (chosen == nullptr) return 2;
  if (!core::IsEnded(chosen->state) || chosen->state == core::State::kDropped) {
    return absl::FailedPreconditionError(
        absl::StrCat("migration ", chosen->migration_id, " is ", core::ToString(chosen->state),
                     chosen->state == core::State::kDropped ? ": its tables are gone"
                                                            : ": finish it by its own copy command first"));
  }
  destination_ = *known.destination;
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = destination_.conninfo}));
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(session, chosen->migration_id));
  ASSIGN_OR_RETURN(plan_, rpc::ParsePlan(row.plan));
  ASSIGN_OR_RETURN(report_, postgres::LoadReport(session, row, *plan_));
  if (copy_.identity.source_path.empty()) copy_.identity.source_path = plan_->identity.source_path;
  copy_.no_indexes = nlohmann::json::parse(row.options).value("no_indexes", false);
  return 0;
}

absl::Status VerifyCommand::OpenSource() {
  copy_.identity.source_path = sqlite::RealPath(copy_.identity.source_path);
  sqlite::SnapshotOptions options{.mode = copy_.snapshot, .scratch_dir = copy_.scratch_dir};
  options.on_notice = telemetry::LogWarning;
  options.stopping = [this] { return signals_.interrupted(); };
  ASSIGN_OR_RETURN(snapshot_, sqlite::Snapshot::Open(copy_.identity.source_path, kSourceConnections, options));
  return absl::OkStatus();
}

absl::Status VerifyCommand::DrawPlan(Pipeline& pipeline) {
  ASSIGN_OR_RETURN(rpc::DrawnPlan drawn,
                   pipeline.migrations().Plan(MakeRequest(copy_, pipeline.connection(), /*streams=*/1)));
  plan_ = std::move(drawn.plan);
  report_.vecferry_version = VECFERRY_VERSION;
  report_.source_kind = plan_->identity.source_kind;
  report_.source_path = plan_->identity.source_path;
  report_.profile = plan_->profile;
  report_.profile_reason = plan_->profile_reason;
  report_.schema_version = plan_->schema_version;
  report_.destination_schema = plan_->identity.destination_schema;
  report_.notes = plan_->notes;
  return absl::OkStatus();
}

// Whether the source's file is still what was copied: a difference may be its change.
void VerifyCommand::CompareFingerprints() {
  const bool same = snapshot_->fingerprint() == plan_->source_fingerprint;
  WriteAll(stderr,
           same ? "vecferry: the source is as it was when it was copied\n"
                : "vecferry: the source's file has changed since it was copied (perhaps only a checkpoint): what "
                  "differs may be a change of the source\n");
}

absl::StatusOr<int> VerifyCommand::Verify(Pipeline& pipeline) {
  rpc::Verification verification{report_.migration_id, pipeline.connection(), "", std::nullopt, copy_.verify};
  if (options_.verify_file) {
    RETURN_IF_ERROR(DrawPlan(pipeline));
    verification.plan = plan_;
  } else {
    CompareFingerprints();
  }
  verification.options.indexes_wanted = !copy_.no_indexes;
  verification.options.sessions_max = copy_.connections_max - core::kLedgerConnections;
  report_.checks.clear();
  report_.differences.clear();
  report_.differences_more = 0;
  report_.recall.clear();
  report_.sizes.clear();
  report_.fingerprint = snapshot_->fingerprint();
  report_.state = core::State::kVerifying;
  report_.verify_level = copy_.verify.level;
  const absl::Time begin = absl::Now();
  Progress progress(copy_.progress);
  GatheredFindings findings(report_, [&](const core::Report& now) {
    progress.Update(now);
    return absl::OkStatus();
  });
  const absl::Status verified = pipeline.verifications().Verify(verification, findings);
  progress.Stop();
  RETURN_IF_ERROR(verified);
  const bool different = std::any_of(report_.checks.begin(), report_.checks.end(),
                                     [](const core::CheckReport& check) { return check.verdict == "fail"; });
  report_.state = different ? core::State::kDifferent : core::State::kVerified;
  report_.step.clear();
  report_.seconds.verify = absl::ToDoubleSeconds(absl::Now() - begin);
  report_.destination_url = destination_.masked;
  Store();
  return Conclude(copy_, report_, destination_.by, destination_.conninfo);
}

// The ledger keeps the last verification. It may be out of bounds for who only looks.
void VerifyCommand::Store() {
  if (report_.migration_id.empty()) return;
  absl::StatusOr<postgres::Connection> session = postgres::Connection::Open({.conninfo = destination_.conninfo});
  absl::Status stored = session.status();
  if (stored.ok()) stored = postgres::StoreVerification(*session, report_);
  if (stored.ok()) return;
  WriteAll(stderr, absl::StrCat("vecferry: the ledger did not take this verification: ", stored.message(), "\n"));
}

}  // namespace

absl::StatusOr<int> RunVerify(const Options& options, base::ProcessSignals& signals) {
  ASSIGN_OR_RETURN(const std::unique_ptr<telemetry::Tracing> tracing,
                   telemetry::Tracing::Start("vecferry", service::ProcessEnvironment()));
  return VerifyCommand(options, signals).Run();
}

}  // namespace vecferry::cli
