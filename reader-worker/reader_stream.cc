#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "reader-worker/lease_keeper.h"
#include "reader-worker/reader.h"
#include "reader-worker/shard_carrier.h"
#include "reader-worker/stop_flag.h"

namespace vecferry::reader {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(10), kRetryPause = absl::Milliseconds(200);

class LeasedReaderStream : public ReaderStream {
 public:
  LeasedReaderStream(const ReaderOptions& options, sqlite::SnapshotConnection& source, rpc::LeaseClient& leases,
                     rpc::WriterClient& writer)
      : options_(options), source_(source), leases_(leases), writer_(writer) {}

  absl::Status Run() override;
  void Stop() override {
    stop_.Set();
    source_.Interrupt();
  }

 private:
  void CarryLease(const rpc::Lease& lease);
  absl::Status FetchPlan(const rpc::Lease& lease);
  absl::StatusOr<const core::Shard*> FindShard(const rpc::Lease& lease) const;
  // Calls until it is OK or says more than that the coordinator is away, for retry_max at most.
  template <typename Call>
  auto Retry(Call call) -> decltype(call());

  const ReaderOptions options_;
  sqlite::SnapshotConnection& source_;
  rpc::LeaseClient& leases_;
  rpc::WriterClient& writer_;
  StopFlag stop_;
  std::string plan_of_;  // migration whose plan is at hand
  core::Plan plan_;
};

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

template <typename Call>
auto LeasedReaderStream::Retry(Call call) -> decltype(call()) {
  const absl::Time give_up = absl::Now() + options_.retry_max;
  while (true) {
    auto result = call();
    const absl::Status& status = StatusOf(result);
    const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!away || absl::Now() >= give_up || stop_.WaitFor(kRetryPause)) return result;
  }
}

absl::Status LeasedReaderStream::Run() {
  while (!stop_.IsSet()) {
    const absl::StatusOr<rpc::Acquired> acquired = Retry([this] { return leases_.Acquire(options_.worker); });
    if (stop_.IsSet() && !acquired.ok()) return absl::OkStatus();
    RETURN_IF_ERROR(acquired.status());
    if (acquired->lease) {
      CarryLease(*acquired->lease);
    } else if (acquired->finished) {
      return absl::OkStatus();
    } else {
      stop_.WaitFor(std::max(acquired->retry_after, kPauseMin));
    }
  }
  return absl::OkStatus();
}

void LeasedReaderStream::CarryLease(const rpc::Lease& lease) {
  absl::Status carried = FetchPlan(lease);
  if (carried.ok()) {
    LeaseKeeper keeper(leases_, lease);
    const absl::StatusOr<const core::Shard*> shard = FindShard(lease);
    carried = shard.status();
    if (shard.ok()) carried = ShardCarrier(options_, source_, writer_, plan_, **shard, lease, keeper, stop_).Carry();
  }
  // What the coordinator answers changes nothing here: it gives the next lease, or says that all is finished. A shard
  // whose end it did not hear of is leased again, and found done by its stored position.
  if (carried.ok()) {
    base::FaultPoint("reader.before_complete");
    Retry([&] { return leases_.Complete(lease); }).IgnoreError();
  } else {
    Retry([&] { return leases_.Fail(lease, carried); }).IgnoreError();
  }
}

absl::Status LeasedReaderStream::FetchPlan(const rpc::Lease& lease) {
  if (plan_of_ == lease.migration_id && plan_.revision == lease.plan_revision) return absl::OkStatus();
  plan_of_.clear();
  absl::StatusOr<core::Plan> plan = Retry([&] { return leases_.GetPlan(lease.migration_id); });
  RETURN_IF_ERROR(plan.status());
  plan_ = *std::move(plan);
  plan_of_ = lease.migration_id;
  return absl::OkStatus();
}

absl::StatusOr<const core::Shard*> LeasedReaderStream::FindShard(const rpc::Lease& lease) const {
  const auto shard = std::find_if(plan_.shards.begin(), plan_.shards.end(),
                                  [&](const core::Shard& candidate) { return candidate.id == lease.shard; });
  if (shard == plan_.shards.end()) {
    return absl::InternalError(absl::StrCat("the plan of ", lease.migration_id, " has no shard ", lease.shard));
  }
  return &*shard;
}

}  // namespace

std::unique_ptr<ReaderStream> MakeReaderStream(const ReaderOptions& options, sqlite::SnapshotConnection& source,
                                               rpc::LeaseClient& leases, rpc::WriterClient& writer) {
  return std::make_unique<LeasedReaderStream>(options, source, leases, writer);
}

}  // namespace vecferry::reader
