#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "reader-worker/lease_keeper.h"
#include "reader-worker/reader.h"
#include "reader-worker/shard_carrier.h"

namespace vecferry::reader {
namespace {

constexpr absl::Duration kBackoff = absl::Milliseconds(100);  // doubles up to kBackoffMax
constexpr absl::Duration kBackoffMax = absl::Seconds(2);
constexpr int kGoBacksMax = 3;  // the writer's position differs again and again, without any commit: a bug, not a race

class ReaderStreamImpl : public ReaderStream {
 public:
  ReaderStreamImpl(const ReaderOptions& options, sqlite::Database& source, rpc::LeaseClient& leases,
                   rpc::WriterClient& writer)
      : options_(options), source_(source), leases_(leases), writer_(writer) {}

  absl::Status Run() override;
  void Stop() override;

 private:
  absl::StatusOr<rpc::Acquired> Acquire();
  absl::StatusOr<const core::Plan*> GetPlan(const std::string& migration_id);
  absl::Status CarryShard(const core::Plan& plan, const rpc::Lease& lease);
  absl::Status CarryOnce(const core::Plan& plan, const rpc::Lease& lease, bool* progressed);
  // Waits unless stopped; false when stopped.
  bool Wait(absl::Duration time);
  bool stopped();

  const ReaderOptions options_;
  sqlite::Database& source_;
  rpc::LeaseClient& leases_;
  rpc::WriterClient& writer_;
  std::map<std::string, core::Plan> plans_;  // this stream's thread only
  base::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  ShardCarrier* carrier_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the one at work
};

absl::Status ReaderStreamImpl::Run() {
  while (!stopped()) {
    ASSIGN_OR_RETURN(const rpc::Acquired acquired, Acquire());
    if (acquired.finished) return absl::OkStatus();
    if (!acquired.lease) {
      Wait(acquired.retry_after);
      continue;
    }
    const rpc::Lease& lease = *acquired.lease;
    ASSIGN_OR_RETURN(const core::Plan* plan, GetPlan(lease.migration_id));
    const absl::Status carried = CarryShard(*plan, lease);
    // What the coordinator answers to either changes nothing here: it gives the next lease, or says finished.
    if (carried.ok()) {
      base::FaultPoint("reader.before_complete");
      leases_.Complete(lease).IgnoreError();
    } else {
      leases_.Fail(lease, carried).IgnoreError();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<rpc::Acquired> ReaderStreamImpl::Acquire() {
  const absl::Time deadline = absl::Now() + options_.retry_max;
  for (absl::Duration backoff = kBackoff;; backoff = std::min(2 * backoff, kBackoffMax)) {
    absl::StatusOr<rpc::Acquired> acquired = leases_.Acquire(options_.worker);
    if (!absl::IsUnavailable(acquired.status()) || absl::Now() + backoff > deadline || !Wait(backoff)) return acquired;
  }
}

absl::StatusOr<const core::Plan*> ReaderStreamImpl::GetPlan(const std::string& migration_id) {
  const auto known = plans_.find(migration_id);
  if (known != plans_.end()) return &known->second;
  ASSIGN_OR_RETURN(core::Plan plan, leases_.GetPlan(migration_id));
  return &plans_.emplace(migration_id, std::move(plan)).first->second;
}

absl::Status ReaderStreamImpl::CarryShard(const core::Plan& plan, const rpc::Lease& lease) {
  if (lease.shard < 0 || static_cast<std::size_t>(lease.shard) >= plan.shards.size()) {
    return absl::InternalError(absl::StrCat("the plan has no shard ", lease.shard));
  }
  absl::Time deadline = absl::Now() + options_.retry_max;
  absl::Duration backoff = kBackoff;
  for (int go_backs = 0;;) {
    bool progressed = false;
    const absl::Status status = CarryOnce(plan, lease, &progressed);
    if (progressed) {
      deadline = absl::Now() + options_.retry_max;
      backoff = kBackoff;
      go_backs = 0;
    }
    if (absl::IsFailedPrecondition(status) && ++go_backs <= kGoBacksMax && !stopped()) continue;
    if (!absl::IsUnavailable(status) || absl::Now() + backoff > deadline) return status;
    if (!Wait(backoff)) return absl::CancelledError("stopped");
    backoff = std::min(2 * backoff, kBackoffMax);
  }
}

absl::Status ReaderStreamImpl::CarryOnce(const core::Plan& plan, const rpc::Lease& lease, bool* progressed) {
  ShardCarrier carrier(source_, writer_, plan, lease, {options_.batch_bytes_max, lease.batch_rows_max});
  {
    base::MutexLock lock(&mutex_);
    if (stopped_) carrier.Stop();
    carrier_ = &carrier;
  }
  absl::Status status;
  {
    LeaseKeeper keeper(leases_, lease, [&carrier] { carrier.Cancel(); });
    status = carrier.Run();
    if (!status.ok() && keeper.lost()) status = absl::AbortedError("the lease is another's");
  }
  base::MutexLock lock(&mutex_);
  carrier_ = nullptr;
  *progressed = carrier.progressed();
  return status;
}

bool ReaderStreamImpl::Wait(absl::Duration time) {
  base::MutexLock lock(&mutex_);
  return !mutex_.AwaitUntil(absl::Now() + time, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopped_; });
}

void ReaderStreamImpl::Stop() {
  {
    base::MutexLock lock(&mutex_);
    stopped_ = true;
    if (carrier_ != nullptr) carrier_->Stop();
  }
  source_.Interrupt();
}

bool ReaderStreamImpl::stopped() {
  base::MutexLock lock(&mutex_);
  return stopped_;
}

}  // namespace

std::unique_ptr<ReaderStream> MakeReaderStream(const ReaderOptions& options, sqlite::Database& source,
                                               rpc::LeaseClient& leases, rpc::WriterClient& writer) {
  return std::make_unique<ReaderStreamImpl>(options, source, leases, writer);
}

}  // namespace vecferry::reader
