#include <stdio.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/choose_migration.h"
#include "cli/commands.h"
#include "cli/conclude.h"
#include "cli/ended_migration.h"
#include "cli/gathered_findings.h"
#include "cli/own_migration.h"
#include "cli/pipeline.h"
#include "cli/progress.h"
#include "cli/remote_command.h"
#include "cli/repair_rules.h"
#include "cli/summary.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/postgres/ledger.h"
#include "common/rpc/plan_codec.h"
#include "common/service/options.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing.h"

namespace vecferry::cli {
namespace {

constexpr int kOwnSourceConnections = 2;  // the coordinator's, which draws plans, and the verifier's

// For want of a right.
bool IsRefusedByPostgres(const absl::Status& status) {
  return absl::IsPermissionDenied(status) && absl::StrContains(status.message(), "(42501)");
}

// `vecferry verify`, stage by stage. Not thread-safe.
class VerifyCommand {
 public:
  VerifyCommand(const Options& options, base::ProcessSignals& signals)
      : options_(options), copy_(options.copy), signals_(signals) {}

  absl::StatusOr<int> Run();

 private:
  // False: there was no one migration to choose.
  absl::StatusOr<bool> Choose();
  absl::StatusOr<int> RunChosen();
  absl::Status OpenSource();
  absl::StatusOr<int> Conduct(Pipeline& pipeline, OwnMigration& repair);
  absl::Status DrawPlan(Pipeline& pipeline);
  void CompareFingerprints();
  absl::Status Verify(Pipeline& pipeline);
  absl::Status LookForCutOffRepair();
  void TakePlan(core::Plan plan);
  bool IsRepairDue();
  void Store();

  const Options& options_;
  CopyOptions copy_;
  base::ProcessSignals& signals_;
  CopyOptions repair_;
  int streams_ = 0;       // of the repair
  bool cut_off_ = false;  // a repair was
  Destination destination_;
  std::optional<core::Plan> plan_;
  core::Report report_;
  std::unique_ptr<sqlite::Snapshot> snapshot_;
};

absl::StatusOr<int> VerifyCommand::Run() {
  RETURN_IF_ERROR(CheckReportsWritable(copy_));
  ASSIGN_OR_RETURN(const bool chosen, Choose());
  return chosen ? RunChosen() : 2;
}

absl::StatusOr<bool> VerifyCommand::Choose() {
  if (options_.verify_file) {
    ASSIGN_OR_RETURN(const std::optional<Destination> reached, ReachDestination(options_.postgres_url));
    if (!reached)
      return absl::FailedPreconditionError("the private local server was never made: nothing to compare with");
    destination_ = *reached;
    return true;
  }
  ASSIGN_OR_RETURN(std::optional<EndedMigration> chosen, ChooseEnded(options_));
  if (!chosen) return false;
  destination_ = chosen->destination;
  plan_ = std::move(chosen->plan);
  report_ = std::move(chosen->report);
  copy_.no_indexes = chosen->no_indexes;
  const std::string source_path = std::exchange(copy_.identity, plan_->identity).source_path;
  if (!source_path.empty()) copy_.identity.source_path = source_path;
  return true;
}

absl::StatusOr<int> VerifyCommand::RunChosen() {
  const absl::Status opened = OpenSource();
  if (signals_.interrupted()) return base::kInterruptedExitCode;
  RETURN_IF_ERROR(opened);
  Pipeline pipeline({destination_.conninfo, /*destination_runs=*/true, streams_}, snapshot_.get());
  OwnMigration repair(repair_, pipeline, streams_, [this] { return signals_.interrupted(); });
  signals_.OnInterrupt([this, &repair] {
    WriteAll(stderr, options_.repair ? "vecferry: interrupted, leaving a resumable state (again to end at once)\n"
                                     : "vecferry: interrupted; nothing was changed\n");
    repair.Interrupt();
  });
  const auto clear = absl::MakeCleanup([this] { signals_.ClearHandler(); });
  absl::StatusOr<int> code = Conduct(pipeline, repair);
  if (!code.ok() && signals_.interrupted()) return base::kInterruptedExitCode;
  return code;
}

absl::Status VerifyCommand::OpenSource() {
  copy_.identity.source_path = sqlite::RealPath(copy_.identity.source_path);
  sqlite::SnapshotOptions options{.mode = copy_.snapshot, .scratch_dir = copy_.scratch_dir};
  options.on_notice = telemetry::LogWarning;
  options.stopping = [this] { return signals_.interrupted(); };
  signals_.OnInterrupt([] { WriteAll(stderr, "vecferry: interrupted\n"); });
  const auto clear = absl::MakeCleanup([this] { signals_.ClearHandler(); });
  // What the repair is to touch is rows; it takes the source's, and is verified by this command.
  repair_ = copy_;
  repair_.identity.on_conflict = "update";
  repair_.no_indexes = repair_.no_verify = true;
  repair_.rejects_max = std::numeric_limits<std::int32_t>::max();  // they were rejected before
  streams_ = options_.repair ? CountStreams(repair_) : 0;
  ASSIGN_OR_RETURN(snapshot_,
                   sqlite::Snapshot::Open(copy_.identity.source_path, streams_ + kOwnSourceConnections, options));
  return absl::OkStatus();
}

absl::StatusOr<int> VerifyCommand::Conduct(Pipeline& pipeline, OwnMigration& repair) {
  const auto conclude = [&](core::Report report) {
    return Conclude(copy_, std::move(report), destination_.by, pipeline.migrations(), pipeline.connection());
  };
  RETURN_IF_ERROR(LookForCutOffRepair());
  if (!options_.verify_file) {
    CompareFingerprints();
  } else if (!plan_) {
    RETURN_IF_ERROR(DrawPlan(pipeline));
  }
  RETURN_IF_ERROR(Verify(pipeline));
  Store();
  if (!IsRepairDue()) return conclude(report_);
  absl::StatusOr<core::Report> repaired = repair.Run();
  if (!repaired.ok()) {
    if (signals_.interrupted()) return repaired.status();
    // What was found stands whatever hinders a repair.
    WriteAll(stderr, absl::StrCat("vecferry: nothing was repaired: ", repaired.status().message(), "\n"));
    return conclude(report_);
  }
  repaired->destination_url = destination_.masked;
  if (repaired->state != core::State::kCopied) return conclude(*std::move(repaired));
  WriteAll(stderr, FormatRepaired(*repaired));
  if (options_.verify_file) {
    // Between a file and a schema there is a migration now, whose ledger says more; but indexes are wanted, though a
    // repair makes none.
    ASSIGN_OR_RETURN(EndedMigration ended, LoadEnded(destination_, repaired->migration_id));
    plan_ = std::move(ended.plan);
    report_ = std::move(ended.report);
  }
  RETURN_IF_ERROR(Verify(pipeline));
  Store();
  return conclude(report_);
}

// One that goes on has claimed the tables: no other plan of them can be drawn.
absl::Status VerifyCommand::LookForCutOffRepair() {
  if (!options_.repair) return absl::OkStatus();
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = destination_.conninfo}));
  ASSIGN_OR_RETURN(const auto row, FindCutOffRepair(repair_.identity, session));
  cut_off_ = row.has_value();
  if (row && options_.verify_file) {
    ASSIGN_OR_RETURN(core::Plan plan, rpc::ParsePlan(row->plan));
    TakePlan(std::move(plan));
  }
  return absl::OkStatus();
}

absl::Status VerifyCommand::DrawPlan(Pipeline& pipeline) {
  rpc::StartOptions request = MakeRequest(copy_, pipeline.connection(), /*streams=*/1);
  request.to_compare = true;
  ASSIGN_OR_RETURN(rpc::DrawnPlan drawn, pipeline.migrations().Plan(request));
  TakePlan(std::move(drawn.plan));
  return absl::OkStatus();
}

void VerifyCommand::TakePlan(core::Plan plan) {
  plan_ = std::move(plan);
  report_.vecferry_version = VECFERRY_VERSION;
  report_.source_kind = plan_->identity.source_kind;
  report_.source_path = plan_->identity.source_path;
  report_.profile = plan_->profile;
  report_.profile_reason = plan_->profile_reason;
  report_.schema_version = plan_->schema_version;
  report_.destination_schema = plan_->identity.destination_schema;
  report_.notes = plan_->notes;
}

// Whether the source's file is still what was copied: a difference may be its change.
void VerifyCommand::CompareFingerprints() {
  const bool same = snapshot_->fingerprint() == plan_->source_fingerprint;
  WriteAll(stderr,
           same ? "vecferry: the source is as it was when it was copied\n"
                : "vecferry: the source's file has changed since it was copied (perhaps only a checkpoint): what "
                  "differs may be a change of the source\n");
}

absl::Status VerifyCommand::Verify(Pipeline& pipeline) {
  rpc::Verification verification{report_.migration_id, pipeline.connection(), "", std::nullopt, copy_.verify};
  // No ledger tells the plan.
  if (report_.migration_id.empty()) verification.plan = plan_;
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
  return absl::OkStatus();
}

bool VerifyCommand::IsRepairDue() {
  if (!options_.repair) return false;
  absl::StatusOr<postgres::Connection> session = postgres::Connection::Open({.conninfo = destination_.conninfo});
  absl::Status repairable = session.status();
  if (repairable.ok() && (MayLackRows(report_) || cut_off_)) {
    repairable = CheckRepairable(report_, snapshot_->fingerprint() != plan_->source_fingerprint, *plan_, *session);
  }
  if (!repairable.ok()) {
    WriteAll(stderr, absl::StrCat("vecferry: nothing was repaired: ", repairable.message(), "\n"));
    return false;
  }
  if (!HasRowsToCarry(report_) && !cut_off_) {
    WriteAll(stderr, "vecferry: there is no row to repair\n");
    return false;
  }
  if (copy_.dry_run) WriteAll(stderr, "vecferry: dry run: the missing and differing rows would be carried again\n");
  return !copy_.dry_run;
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
  absl::StatusOr<int> code = VerifyCommand(options, signals).Run();
  if (!IsRefusedByPostgres(code.status())) return code;
  return absl::PermissionDeniedError(
      absl::StrCat(code.status().message(),
                   ": a role that verifies needs USAGE on the destination's schema and SELECT on its tables and "
                   "sequences, and for a "
                   "migration's ID the same on schema vecferry (GRANT ... TO the role)"));
}

}  // namespace vecferry::cli
