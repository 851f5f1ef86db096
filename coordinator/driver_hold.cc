// The driver towards everybody else: the hold on the migration, stopping, reports.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/core/types.h"
#include "common/telemetry/log.h"
#include "common/telemetry/trace_context.h"
#include "coordinator/driver.h"
#include "coordinator/failure_text.h"

namespace vecferry::coordinator {
namespace {

// How soon a cancel from elsewhere is noticed, and how much measured time it or a kill may lose.
constexpr absl::Duration kBeat = absl::Seconds(1);
constexpr absl::Duration kReportAge = absl::Milliseconds(250);
constexpr absl::Duration kTryAgain = absl::Milliseconds(500);  // a destination that is away
constexpr absl::Duration kLockPatience = absl::Seconds(1);     // at a time: between two, a stop is noticed

absl::Status TakenOver(const std::string& id) {
  return absl::AbortedError(absl::StrCat("migration ", id,
                                         " was taken over by another process: look at it by: vecferry "
                                         "migrate status ",
                                         id));
}

}  // namespace

// ---- stopping ----

void Driver::Stop(Leave leave) {
  base::MutexLock lock(&mutex_);
  if (!stopping_) leave_ = leave;
  stopping_ = true;
}

void Driver::CancelStatement() {
  std::optional<postgres::Connection::Canceller> canceller;
  bool verifying = false;
  if (const std::shared_ptr<Source> read = source()) read->connection().Interrupt();
  {
    base::MutexLock lock(&mutex_);
    canceller = canceller_;
    verifying = verifying_;
  }
  if (canceller) canceller->Cancel();
  if (!verifying) return;
  // The verifier's sessions carry the migration's name, as all but the coordinator's own two do.
  WithHold([&](Hold& hold) { return postgres::TerminateLeftovers(hold.ledger, setup_.migration_id); }).IgnoreError();
}

// ---- the hold ----

void Driver::Pulse() {
  while (true) {
    {
      base::MutexLock lock(&mutex_);
      if (mutex_.AwaitUntil(absl::Now() + kBeat, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ended_; })) {
        return;
      }
    }
    Beat();
    FlushClock().IgnoreError();
  }
}

void Driver::Beat() {
  const absl::Status renewed = WithHold([&](Hold& hold) {
    if (!hold.lock.CheckAlive()) NoteAway();
    return postgres::RenewCoordination(hold.ledger, setup_.migration_id, hold.epoch);
  });
  {
    base::MutexLock lock(&mutex_);
    if (absl::IsAborted(renewed) && lost_.ok() && !ended_) lost_ = TakenOver(setup_.migration_id);
    if (!interrupted()) return;
  }
  // Again each second: a cancel that came between two statements hit none.
  CancelStatement();
}

// ---- after a loss ----

void Driver::NoteAway() {
  base::MutexLock lock(&mutex_);
  if (away_.ok()) away_ = absl::UnavailableError("the connection to the destination was lost");
}

std::uint64_t Driver::epoch() {
  return hold_.Run([](std::optional<Hold>& hold) { return hold ? hold->epoch : 0; });
}

absl::Status Driver::Reconnect(const absl::Status& why) {
  const absl::Status renewed =
      WithHold([&](Hold& hold) { return postgres::RenewCoordination(hold.ledger, setup_.migration_id, hold.epoch); });
  if (absl::IsAborted(renewed)) return TakenOver(setup_.migration_id);  // whoever did it ended our other sessions
  const std::uint64_t former_epoch = epoch();
  hold_.Run([](std::optional<Hold>& hold) { hold.reset(); });
  const absl::Duration begin = Monotonic();
  telemetry::LogWarning(absl::StrCat("migration ", setup_.migration_id, ": ", why.message(), "; trying for ",
                                     absl::FormatDuration(setup_.coordinator.reconnect_max),
                                     " to reach the destination again"));
  absl::StatusOr<Hold> hold = AwaitHold(former_epoch);
  RETURN_IF_ERROR(hold.status());
  telemetry::LogWarning(absl::StrCat("migration ", setup_.migration_id, ": the destination is reached again after ",
                                     absl::FormatDuration(absl::Trunc(Monotonic() - begin, absl::Milliseconds(1))),
                                     "; going on"));
  {
    base::MutexLock lock(&mutex_);
    away_ = absl::OkStatus();
  }
  hold_.Run([&](std::optional<Hold>& held) { held = *std::move(hold); });
  return absl::OkStatus();
}

absl::StatusOr<Hold> Driver::AwaitHold(std::uint64_t former_epoch) {
  const absl::Time give_up = absl::Now() + setup_.coordinator.reconnect_max;
  while (true) {
    {
      base::MutexLock lock(&mutex_);
      if (ending()) break;
    }
    const absl::Duration patience = std::min(kLockPatience, give_up - absl::Now());
    absl::StatusOr<Hold> hold = RetakeHold(setup_.conninfo, setup_.migration_id, former_epoch, patience);
    // A lock that is held with the former epoch is our own, of a session whose end the server has not noticed. And
    // after an outage all come back at once: there may be no free connection for a while.
    if (!absl::IsUnavailable(hold.status()) && !absl::IsAlreadyExists(hold.status()) &&
        !absl::IsResourceExhausted(hold.status())) {
      return hold;
    }
    base::MutexLock lock(&mutex_);
    const absl::Time next = absl::Now() + kTryAgain;
    if (next >= give_up) return hold;
    if (mutex_.AwaitUntil(next, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending(); })) break;
  }
  return Interruption();
}

// ---- reports ----

core::State Driver::stage() const {
  base::MutexLock lock(&mutex_);
  return stage_;
}

bool Driver::waiting() const {
  base::MutexLock lock(&mutex_);
  return waiting_;
}

bool Driver::copying() const {
  base::MutexLock lock(&mutex_);
  return copying_;
}

bool Driver::ended() const {
  base::MutexLock lock(&mutex_);
  return ended_;
}

bool Driver::AwaitEnd(absl::Duration patience) {
  base::MutexLock lock(&mutex_);
  return mutex_.AwaitUntil(absl::Now() + patience, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ended_; });
}

absl::StatusOr<core::Report> Driver::ReadReport() {
  return WithHold([&](Hold& hold) -> absl::StatusOr<core::Report> {
    ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(hold.ledger, setup_.migration_id));
    ASSIGN_OR_RETURN(core::Report report, postgres::LoadReport(hold.ledger, row, *plan()));
    report.destination_url = postgres::MaskConninfo(setup_.conninfo);
    report.trace_id = telemetry::TraceIdOf(plan()->traceparent);
    return report;
  });
}

absl::StatusOr<core::Report> Driver::GetRecentReport() {
  {
    base::MutexLock lock(&mutex_);
    const absl::Duration now = Monotonic();
    if (!ended_ && last_report_.ok() && now - report_read_ < kReportAge) return last_report_;
    report_read_ = now;
  }
  return GetReport();
}

absl::StatusOr<core::Report> Driver::GetReport() {
  absl::StatusOr<core::Report> report = ReadReport();
  base::MutexLock lock(&mutex_);
  if (ended_) return last_report_;
  if (!report.ok()) return last_report_.ok() ? last_report_ : report;
  report->step = step_;
  last_report_ = report;
  return report;
}

}  // namespace vecferry::coordinator
