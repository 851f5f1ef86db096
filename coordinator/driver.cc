#include "coordinator/driver.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger_sql.h"
#include "common/telemetry/log.h"
#include "coordinator/destination.h"
#include "coordinator/failure_text.h"
#include "coordinator/finish.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/resume.h"

namespace vecferry::coordinator {
namespace {

constexpr int kReconnectsMax = 5;  // what ends its sessions each time would do so for ever

}  // namespace

Driver::Driver(DriverSetup setup, std::shared_ptr<Source> source, core::Plan plan, Hold hold)
    : setup_(std::move(setup)),
      trace_(plan.traceparent, plan.shards.size()),
      hold_(std::move(hold)),
      plan_(std::make_shared<const core::Plan>(std::move(plan))),
      source_(std::move(source)),
      source_checked_(source_ != nullptr) {
  pulse_ = std::thread([this] { Pulse(); });
  run_ = std::thread([this] { Run(); });
}

Driver::~Driver() {
  Stop(Leave::kPaused);
  CancelStatement();
  run_.join();
  pulse_.join();
}

std::shared_ptr<Source> Driver::source() const {
  base::MutexLock lock(&mutex_);
  return source_;
}

std::shared_ptr<const core::Plan> Driver::plan() const {
  base::MutexLock lock(&mutex_);
  return plan_;
}

bool Driver::Stopping() const {
  base::MutexLock lock(&mutex_);
  return interrupted();
}

absl::Status Driver::Interruption() const {
  base::MutexLock lock(&mutex_);
  if (!lost_.ok()) return lost_;
  if (!failed_.ok()) return failed_;
  return stopping_ ? absl::CancelledError("stopped") : away_;
}

// ---- stages ----

void Driver::Run() {
  absl::Status status = Drive();
  // A shard that failed because a writer stays away is no sign that the destination does.
  for (int times = 0; absl::IsUnavailable(status) && !HasFailed() && times < kReconnectsMax; ++times) {
    status = Reconnect(status);
    if (!status.ok()) break;  // it has tried for as long as it may
    status = Drive();
  }
  End(status);
}

absl::Status Driver::Drive() {
  ASSIGN_OR_RETURN(const postgres::MigrationRow row,
                   WithHold([&](Hold& hold) { return postgres::GetMigration(hold.ledger, setup_.migration_id); }));
  if (core::IsEnded(row.state)) return absl::OkStatus();  // the answer to the last word was lost
  if (!source_checked_) RETURN_IF_ERROR(CheckSource());
  RETURN_IF_ERROR(Copy());
  RETURN_IF_ERROR(FinishTables());
  RETURN_IF_ERROR(CheckCopyWhole());
  if (setup_.options.no_verify) return StoreEnd(core::State::kCopied);
  ASSIGN_OR_RETURN(const core::State state, Verify());
  return StoreEnd(state);
}

absl::StatusOr<postgres::Connection> Driver::OpenWorkSession() {
  // Nothing of the migration may run on beside it; and the connections of writers are to be free before it takes one.
  RETURN_IF_ERROR(WithHold([&](Hold& hold) { return postgres::TerminateLeftovers(hold.ledger, setup_.migration_id); }));
  postgres::ConnectionOptions options;
  options.conninfo = setup_.conninfo;
  options.application_name = absl::StrCat("vecferry/", setup_.migration_id, "/finish");
  options.search_path = SearchPath(*plan());
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open(options));
  base::MutexLock lock(&mutex_);
  canceller_ = session.canceller();
  return session;
}

absl::Status Driver::OpenSource() {
  ASSIGN_OR_RETURN(std::shared_ptr<Source> source,
                   setup_.sources.Open(plan()->identity.source_path, plan()->snapshot, [this] { return Stopping(); }));
  base::MutexLock lock(&mutex_);
  source_ = std::move(source);
  return absl::OkStatus();
}

absl::Status Driver::CheckSource() {
  if (source() == nullptr) {
    const absl::Status opened = OpenSource();
    RETURN_IF_ERROR(Interruption());
    RETURN_IF_ERROR(opened);
  }
  ASSIGN_OR_RETURN(postgres::Connection session, OpenWorkSession());
  core::Plan plan = *this->plan();
  RETURN_IF_ERROR(CheckTables(session, plan));
  const ResumeContext context{
      session, source()->connection(),          source()->fingerprint(),      source()->snapshot(), setup_.migration_id,
      epoch(), setup_.options.on_source_change, [this] { return Stopping(); }};
  const absl::Status checked = ReconcileSource(context, plan);
  const absl::Status interruption = Interruption();
  LeaveStage();
  RETURN_IF_ERROR(interruption);
  RETURN_IF_ERROR(checked);
  source_checked_ = true;
  base::MutexLock lock(&mutex_);
  plan_ = std::make_shared<const core::Plan>(std::move(plan));
  return absl::OkStatus();
}

absl::Status Driver::Copy() {
  // A reader's word that a shard is done is checked against the ledger; what is not done there is carried again.
  for (int attempt = 0; attempt < 3; ++attempt) {
    ASSIGN_OR_RETURN(const std::vector<postgres::ShardRow> rows,
                     WithHold([&](Hold& hold) { return postgres::LoadShards(hold.ledger, setup_.migration_id); }));
    std::vector<ShardStanding> standings;
    const bool adopts = setup_.coordinator.life == Life::kService;  // a dead command's readers are dead too
    for (const postgres::ShardRow& row : rows) {
      standings.push_back({row.id, row.checkpoint.done, row.lease_epoch, row.lease_owner,
                           adopts ? row.lease_left : absl::ZeroDuration()});
    }
    {
      base::MutexLock lock(&mutex_);
      leases_.emplace(*plan_, standings, Monotonic());
      if (leases_->done()) return absl::OkStatus();
      if (copied_) return absl::DataLossError("rows that were committed are no longer at the destination");
    }
    RETURN_IF_ERROR(CopyOnce());
  }
  return absl::InternalError("readers reported shards as done that the ledger does not have");
}

absl::Status Driver::CopyOnce() {
  RETURN_IF_ERROR(WithHold([&](Hold& hold) {
    return postgres::SetState(hold.ledger, setup_.migration_id, hold.epoch, core::State::kCopying, "");
  }));
  {
    base::MutexLock lock(&mutex_);
    stage_ = core::State::kCopying;
    copying_ = true;
    clock_starts_with_lease_ = true;
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return leases_->done() || interrupted(); });
    copying_ = false;
    clock_starts_with_lease_ = false;
  }
  LeaveStage();
  return Interruption();
}

absl::Status Driver::EnterStage(core::State state, StageClock::Stage stage) {
  RETURN_IF_ERROR(Interruption());
  {
    base::MutexLock lock(&mutex_);
    clock_.Begin(stage, Monotonic());
    stage_ = state;
  }
  return WithHold(
      [&](Hold& hold) { return postgres::SetState(hold.ledger, setup_.migration_id, hold.epoch, state, ""); });
}

absl::Status Driver::FlushClock() {
  core::StageSeconds seconds;
  {
    base::MutexLock lock(&mutex_);
    if (!clock_.running()) return absl::OkStatus();
    seconds = clock_.Take(Monotonic());
  }
  return WithHold(
      [&](Hold& hold) { return postgres::AddStageSeconds(hold.ledger, setup_.migration_id, hold.epoch, seconds); });
}

// A time that cannot be noted is no reason to fail: whatever hindered it shows in the next statement.
void Driver::LeaveStage() {
  FlushClock().IgnoreError();
  base::MutexLock lock(&mutex_);
  clock_.End();
  canceller_.reset();
  step_.clear();
  verifying_ = waiting_ = false;
}

absl::Status Driver::FinishTables() {
  base::FaultPoint("coordinator.before_finish");
  RETURN_IF_ERROR(EnterStage(core::State::kFinishing, &core::StageSeconds::finish));
  const absl::Cleanup leave = [this] { LeaveStage(); };
  {
    // Only now: that commit waits for the disk, and before it no group did.
    base::MutexLock lock(&mutex_);
    copied_ = true;
  }
  ASSIGN_OR_RETURN(postgres::Connection session, OpenWorkSession());
  const std::shared_ptr<const core::Plan> plan = this->plan();
  const FinishContext context{session,
                              *plan,
                              setup_.migration_id,
                              epoch(),
                              setup_.options.rejects_max,
                              setup_.options.no_indexes,
                              [this](const std::string& step) {
                                trace_.BeginStep(step);
                                base::MutexLock lock(&mutex_);
                                step_ = step;
                              },
                              [this] { return Stopping(); },
                              source()->connection()};
  const absl::Status finished = Finish(context);
  trace_.EndStep(finished);
  const absl::Status interruption = Interruption();
  return interruption.ok() ? finished : interruption;
}

absl::Status Driver::StoreEnd(core::State state) {
  base::FaultPoint("coordinator.before_end_state");
  return WithHold([&](Hold& hold) {
    return postgres::InTransaction(hold.ledger, [&]() -> absl::Status {
      RETURN_IF_ERROR(postgres::SetState(hold.ledger, setup_.migration_id, hold.epoch, state, ""));
      return postgres::ReleaseClaims(hold.ledger, setup_.migration_id);
    });
  });
}

// ---- the end ----

absl::Status Driver::StoreOutcome(const absl::Status& status) {
  if (status.ok()) return status;
  bool stopped = false;
  {
    base::MutexLock lock(&mutex_);
    stopped = stopping_ && failed_.ok();
    if (stopped && leave_ == Leave::kRunning) return absl::OkStatus();
  }
  return WithHold([&](Hold& hold) {
    if (stopped) return postgres::SetState(hold.ledger, setup_.migration_id, hold.epoch, core::State::kPaused, "");
    RETURN_IF_ERROR(
        postgres::SetState(hold.ledger, setup_.migration_id, hold.epoch, core::State::kFailed, FailureText(status)));
    // Readers of other shards would go on until they renew their leases.
    return FenceWriters(hold.ledger, setup_.migration_id);
  });
}

void Driver::CloseSource() {
  std::shared_ptr<Source> source;  // closed after the lock is free
  base::MutexLock lock(&mutex_);
  source.swap(source_);
}

void Driver::TellEnd(const core::Report& report) {
  if (core::IsEnded(report.state)) setup_.metrics.rejected.Add(static_cast<double>(report.totals.rejected));
  if (core::IsEnded(report.state) || report.state == core::State::kFailed) trace_.TellEnd(report);
  if (setup_.coordinator.life == Life::kCommand) return;
  const char* const runs = core::IsRunning(report.state) ? " is left to other coordinators: " : " ends here: ";
  telemetry::LogInfo(absl::StrCat("migration ", setup_.migration_id, runs, core::ToString(report.state), ", ",
                                  report.totals.read, " rows read, ", report.totals.rejected, " rejected",
                                  report.failure.empty() ? "" : ": ", report.failure));
}

void Driver::End(const absl::Status& status) {
  const absl::Status stored = StoreOutcome(status);
  absl::StatusOr<core::Report> report = ReadReport();
  hold_.Run([](std::optional<Hold>& hold) { hold.reset(); });
  CloseSource();
  if (report.ok() && core::IsEnded(report->state)) setup_.sources.Discard(plan()->snapshot);
  base::MutexLock lock(&mutex_);
  if (!report.ok()) report = last_report_;  // the destination is gone: tell what was known
  // Who paused, cancelled or dropped it from elsewhere said so in the ledger; and a service's migration runs on, here
  // or at whoever takes it up.
  if (report.ok() && !stored.ok() && core::IsRunning(report->state) && setup_.coordinator.life == Life::kCommand) {
    // Nothing could be written: the ledger still shows a running state, which the same command takes up.
    const bool stopped = stopping_ && failed_.ok();
    report->state = stopped ? core::State::kPaused : core::State::kFailed;
    report->failure = stopped ? "" : FailureText(status.ok() ? stored : status);
    report->exit_code = core::ExitCode(report->state, report->totals);
  }
  if (report.ok()) {
    TellEnd(*report);
    if (const auto counter = setup_.metrics.ended.find(report->state); counter != setup_.metrics.ended.end()) {
      counter->second.Add();
    }
  }
  last_report_ = report.ok() ? std::move(report) : absl::StatusOr<core::Report>(status.ok() ? stored : status);
  copying_ = false;
  ended_ = true;
}

}  // namespace vecferry::coordinator
