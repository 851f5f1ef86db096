#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/telemetry/log.h"
#include "common/telemetry/tracing.h"
#include "reader-worker/lease_keeper.h"
#include "reader-worker/reader.h"
#include "reader-worker/reader_metrics.h"
#include "reader-worker/shard_carrier.h"
#include "reader-worker/stop_flag.h"

namespace vecferry::reader {
namespace {

constexpr absl::Duration kPauseMin = absl::Milliseconds(10), kRetryPause = absl::Milliseconds(200);
constexpr absl::Duration kAskAgain = absl::Seconds(1);

class LeasedReaderStream : public ReaderStream {
 public:
  LeasedReaderStream(const ReaderOptions& options, OpenSource open_source, rpc::LeaseClient& leases,
                     FindWriter find_writer)
      : options_(options),
        open_source_(std::move(open_source)),
        leases_(leases),
        find_writer_(std::move(find_writer)),
        metrics_(*options_.registry) {}

  absl::Status Run() override;
  void Stop() override {
    stop_.Set();
    base::MutexLock lock(&mutex_);
    if (source_ != nullptr) source_->Interrupt();
  }

 private:
  void CarryLease(const rpc::Lease& lease);
  absl::Status CarryTold(const rpc::Lease& lease);
  absl::Status Carry(const rpc::Lease& lease, telemetry::Span& span);
  absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> TakeSource(const rpc::Lease& lease);
  // Nobody removes a copy that is open.
  void LetGoOfSource();
  absl::Status FetchPlan(const rpc::Lease& lease);
  absl::StatusOr<const core::Shard*> FindShard(const rpc::Lease& lease) const;
  // Calls until it is OK or says more than that the coordinator is away, for retry_max at most.
  template <typename Call>
  auto Retry(Call call) -> decltype(call());

  const ReaderOptions options_;
  const OpenSource open_source_;
  rpc::LeaseClient& leases_;
  const FindWriter find_writer_;
  ReaderMetrics metrics_;
  StopFlag stop_;
  base::Mutex mutex_;
  std::shared_ptr<sqlite::SnapshotConnection> source_ ABSL_GUARDED_BY(mutex_);
  std::string source_of_;  // the lease's snapshot that source_ shows; Run's thread's own
  std::string plan_of_;    // migration whose plan is at hand
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
  bool refusal_told = false;
  absl::Time carried = absl::Now();
  while (!stop_.IsSet()) {
    const absl::StatusOr<rpc::Acquired> acquired = Retry([this] { return leases_.Acquire(options_.worker); });
    if (absl::Now() - carried > options_.source_kept && !(acquired.ok() && acquired->lease)) LetGoOfSource();
    if (stop_.IsSet() && !acquired.ok()) return absl::OkStatus();
    const bool stays = options_.stay == Stay::kUntilStopped;
    if (!acquired.ok()) {
      if (!stays) return acquired.status();
      // That none answers is told once, and not by every stream.
      if (!absl::IsUnavailable(acquired.status()) && !std::exchange(refusal_told, true)) {
        telemetry::LogWarning(absl::StrCat("no coordinator gives leases: ", acquired.status().message()));
      }
      stop_.WaitFor(kAskAgain);
      continue;
    }
    refusal_told = false;
    if (acquired->lease) {
      base::FaultPoint("reader.after_acquire");
      metrics_.leases.Add(1);
      CarryLease(*acquired->lease);
      metrics_.leases.Add(-1);
      carried = absl::Now();
    } else if (acquired->finished && !stays) {
      return absl::OkStatus();
    } else {
      stop_.WaitFor(std::max(acquired->retry_after, kPauseMin));
    }
  }
  return absl::OkStatus();
}

absl::Status LeasedReaderStream::CarryTold(const rpc::Lease& lease) {
  telemetry::Span span = telemetry::Span::Start("shard", lease.traceparent);
  // Where nothing is recorded the trace passes through.
  const telemetry::TraceScope scope(span.recording() ? span.traceparent() : lease.traceparent);
  span.Set("vecferry.migration.id", lease.migration_id);
  span.Set("vecferry.shard.id", lease.shard);
  span.Set("vecferry.lease.epoch", lease.epoch);
  absl::Status carried = Carry(lease, span);
  span.Fail(carried);
  return carried;
}

void LeasedReaderStream::CarryLease(const rpc::Lease& lease) {
  const absl::Status carried = CarryTold(lease);
  // What the coordinator answers changes nothing here: it gives the next lease, or says that all is finished. A shard
  // whose end it did not hear of is leased again, and found done by its stored position.
  if (carried.ok()) {
    base::FaultPoint("reader.before_complete");
    Retry([&] { return leases_.Complete(lease); }).IgnoreError();
  } else {
    Retry([&] { return leases_.Fail(lease, carried); }).IgnoreError();
  }
}

absl::Status LeasedReaderStream::Carry(const rpc::Lease& lease, telemetry::Span& span) {
  LeaseKeeper keeper(leases_, lease);  // the plan and the source may take longer than the lease lasts
  RETURN_IF_ERROR(FetchPlan(lease));
  ASSIGN_OR_RETURN(const std::shared_ptr<sqlite::SnapshotConnection> source, TakeSource(lease));
  ASSIGN_OR_RETURN(const core::Shard* const shard, FindShard(lease));
  span.Set("vecferry.table", plan_.mappings[static_cast<std::size_t>(shard->mapping)].source_table);
  ASSIGN_OR_RETURN(const std::shared_ptr<rpc::WriterClient> writer, find_writer_(lease.writer));
  return ShardCarrier(options_, *source, *writer, plan_, *shard, lease, keeper, stop_, metrics_).Carry();
}

absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> LeasedReaderStream::TakeSource(const rpc::Lease& lease) {
  {
    base::MutexLock lock(&mutex_);
    if (source_ != nullptr && source_of_ == lease.snapshot) return source_;
    source_ = nullptr;
  }
  absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> source =
      open_source_(lease.snapshot, [this] { return stop_.IsSet(); });
  if (stop_.IsSet()) return absl::CancelledError("the reader was told to stop");
  RETURN_IF_ERROR(source.status());
  base::MutexLock lock(&mutex_);
  source_ = *std::move(source);
  source_of_ = lease.snapshot;
  return source_;
}

void LeasedReaderStream::LetGoOfSource() {
  base::MutexLock lock(&mutex_);
  source_ = nullptr;
}

absl::Status LeasedReaderStream::FetchPlan(const rpc::Lease& lease) {
  if (plan_of_ == lease.migration_id && plan_.revision == lease.plan_revision) return absl::OkStatus();
  plan_of_.clear();
  absl::StatusOr<core::Plan> plan = Retry([&] { return leases_.GetPlan(lease.migration_id); });
  RETURN_IF_ERROR(plan.status());
  // Of one who drove it before; whoever granted the lease has the other.
  if (plan->revision != lease.plan_revision) {
    return absl::UnavailableError(absl::StrCat("the plan of ", lease.migration_id, " came in revision ", plan->revision,
                                               ", not ", lease.plan_revision));
  }
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

std::unique_ptr<ReaderStream> MakeReaderStream(const ReaderOptions& options, OpenSource open_source,
                                               rpc::LeaseClient& leases, FindWriter find_writer) {
  return std::make_unique<LeasedReaderStream>(options, std::move(open_source), leases, std::move(find_writer));
}

}  // namespace vecferry::reader
