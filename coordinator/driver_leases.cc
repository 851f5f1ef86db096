// The driver towards readers.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/core/migration.h"
#include "common/core/types.h"
#include "common/telemetry/log.h"
#include "coordinator/driver.h"

namespace vecferry::coordinator {
namespace {

constexpr absl::Duration kAskAgain = absl::Milliseconds(50);
constexpr absl::Duration kBackoff = absl::Milliseconds(250);  // doubles with each attempt, four times
constexpr int kDoublingsMax = 4;

bool MayPass(const absl::Status& why) {
  return absl::IsUnavailable(why) || absl::IsAborted(why) || absl::IsFailedPrecondition(why) ||
         absl::IsDeadlineExceeded(why) || absl::IsResourceExhausted(why);
}

}  // namespace

absl::StatusOr<rpc::Acquired> Driver::Acquire(const LeaseParties& parties) {
  const absl::Duration lease_time = setup_.coordinator.lease_time;
  rpc::Acquired acquired;
  acquired.retry_after = kAskAgain;
  int shard = 0;
  {
    base::MutexLock lock(&mutex_);
    acquired.finished = ended_ || copied_ || ending();
    if (acquired.finished || !copying_ || interrupted()) return acquired;
    const absl::Duration now = Monotonic();
    // A lease is a stream, and a stream is a connection of its writer.
    if (leases_->CountLeases(now) >= setup_.options.connections_max - core::kLedgerConnections) return acquired;
    const std::optional<int> taken = leases_->Take(now, now + lease_time, parties);
    if (!taken) return acquired;
    shard = *taken;
    if (clock_starts_with_lease_) {
      clock_.Begin(&core::StageSeconds::copy, now);
      clock_starts_with_lease_ = false;
    }
  }
  const absl::Time begin = absl::Now();
  const absl::StatusOr<std::uint64_t> epoch = WithHold([&](Hold& hold) {
    return postgres::GrantLease(hold.ledger, setup_.migration_id, hold.epoch, shard, parties.owner, lease_time);
  });
  base::FaultPoint("coordinator.after_lease");
  base::MutexLock lock(&mutex_);
  // It stopped meanwhile: nobody hears of this lease, and whoever goes on grants all of them anew.
  if (ended_ || source_ == nullptr || interrupted()) return acquired;
  if (!epoch.ok()) {
    GiveBack(shard, leases_->epoch(shard), epoch.status()).IgnoreError();
    return acquired;
  }
  leases_->Grant(shard, *epoch, Monotonic() + lease_time);
  step_.clear();
  acquired.lease = rpc::Lease{.migration_id = setup_.migration_id,
                              .shard = shard,
                              .epoch = *epoch,
                              .duration = lease_time,
                              .writer = parties.writer,
                              .connection = setup_.options.connection,
                              .batch_rows_max = setup_.options.batch_rows_max,
                              .plan_revision = plan_->revision,
                              .snapshot = source_->snapshot()};
  trace_.TellLease(begin, parties.owner, *acquired.lease);
  setup_.metrics.granted.Add();
  return acquired;
}

bool Driver::left() const {
  base::MutexLock lock(&mutex_);
  return setup_.coordinator.life == Life::kService && (ended_ || IsLeftToOthers());
}

absl::Status Driver::NotHere() const {
  return absl::NotFoundError(absl::StrCat("migration ", setup_.migration_id, " does not run here"));
}

absl::Status Driver::CheckLeases() const {
  if (setup_.coordinator.life == Life::kService && IsLeftToOthers()) return NotHere();
  return leases_ ? absl::OkStatus() : absl::AbortedError("the migration is not copying here");
}

absl::Status Driver::Renew(int shard, std::uint64_t epoch) {
  if (left()) return NotHere();
  {
    base::MutexLock lock(&mutex_);
    if (ended_ || copied_ || ending()) return absl::AbortedError("the migration is not copying here");
    if (!copying_) return absl::UnavailableError("the destination is being reached anew");
  }
  RETURN_IF_ERROR(WithHold([&](Hold& hold) {
    return postgres::RenewLease(hold.ledger, setup_.migration_id, shard, epoch, setup_.coordinator.lease_time);
  }));
  base::MutexLock lock(&mutex_);
  return leases_->Renew(shard, epoch, Monotonic() + setup_.coordinator.lease_time);
}

absl::Status Driver::Complete(int shard, std::uint64_t epoch) {
  base::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeases());
  return leases_->Complete(shard, epoch);
}

absl::Status Driver::Fail(int shard, std::uint64_t epoch, const absl::Status& why) {
  base::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckLeases());
  return GiveBack(shard, epoch, why);
}

absl::Status Driver::GiveBack(int shard, std::uint64_t epoch, const absl::Status& why) {
  const bool stopped = absl::IsCancelled(why);  // a reader that was told to stop
  const absl::Duration now = Monotonic();
  // Writers that are full of others' shards, this one's turn comes. In a command nobody else's are there.
  if (absl::IsResourceExhausted(why) && setup_.coordinator.life == Life::kService) {
    step_ = absl::StrCat("waiting for room: ", core::SanitizeText(why.message()));
    return leases_->GiveBack(shard, epoch, now + kBackoff * (1 << kDoublingsMax), /*failed=*/false);
  }
  RETURN_IF_ERROR(leases_->GiveBack(shard, epoch, now, !stopped));
  if (stopped) return absl::OkStatus();
  const int attempts = leases_->attempts(shard);
  if (MayPass(why) && attempts < setup_.coordinator.attempts_max) {
    const absl::Duration pause = kBackoff * (1 << std::min(attempts, kDoublingsMax));
    const std::string told = core::SanitizeText(why.message());
    step_ = absl::StrCat("trying again: ", told);
    if (setup_.coordinator.life == Life::kService) {
      telemetry::LogWarningOnce(absl::StrCat("migration ", setup_.migration_id, " carries a shard again: ", told));
    }
    return leases_->GiveBack(shard, epoch, now + pause, /*failed=*/false);
  }
  const core::Mapping& mapping = plan_->mappings[plan_->shards[shard].mapping];
  if (failed_.ok()) {
    failed_ = absl::Status(why.code(), absl::StrCat("copying ", core::QuoteIdentifier(mapping.source_table), " to ",
                                                    core::QuoteIdentifier(mapping.destination_table), " (shard ", shard,
                                                    ") failed: ", why.message()));
  }
  return absl::OkStatus();
}

bool Driver::HasFailed() const {
  base::MutexLock lock(&mutex_);
  return !failed_.ok();
}

int Driver::CountStreams(std::map<std::string, int>& streams) const {
  base::MutexLock lock(&mutex_);
  if (!leases_ || !copying_) return 0;
  const absl::Duration now = Monotonic();
  leases_->CountStreams(now, streams);
  return leases_->CountLeases(now);
}

void Driver::NoteGone(const std::string& reader) {
  base::MutexLock lock(&mutex_);
  if (!leases_) return;
  const int expired = leases_->Expire(reader, Monotonic());
  if (expired == 0) return;
  setup_.metrics.lost.Add(expired);
  telemetry::LogWarning(absl::StrCat("migration ", setup_.migration_id, ": reader ", reader, " is gone, ", expired,
                                     " of its shards are free"));
}

void Driver::NoteWaiting(const std::string& what) {
  base::MutexLock lock(&mutex_);
  if (copying_) step_ = leases_->CountLeases(Monotonic()) > 0 ? "" : what;
}

}  // namespace vecferry::coordinator
