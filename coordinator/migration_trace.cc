#include "coordinator/migration_trace.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vecferry::coordinator {
namespace {

// Together with the checks (rpc::kChecksToldMax), the plan and the migration itself: under 10,000.
constexpr int kLeaseSpansMax = 9000;
constexpr int kStepsToldMax = 400;
constexpr int kBatchesToldMax = 16;  // of one lease
// The plan's span begins by this process's clock, and is not to begin before the migration's.
constexpr absl::Duration kRounding = absl::Milliseconds(10);

// So many batches that every shard's first lease can be told with them. Of very many shards the first leases alone are.
int SpansALease(std::size_t shards) {
  const int share = kLeaseSpansMax / static_cast<int>(std::max<std::size_t>(shards, 1));
  int batches = kBatchesToldMax;
  while (batches > 0 && 1 + rpc::SpansOfLease(batches) > share) --batches;
  return batches;
}

}  // namespace

MigrationTrace::MigrationTrace(std::string traceparent, std::size_t shards)
    : traceparent_(std::move(traceparent)),
      spans_a_lease_(SpansALease(shards)),
      lease_spans_left_(kLeaseSpansMax),
      steps_left_(kStepsToldMax) {}

void MigrationTrace::TellLease(absl::Time begin, const std::string& worker, rpc::Lease& lease) {
  const int cost = 1 + rpc::SpansOfLease(spans_a_lease_);
  {
    base::MutexLock lock(&mutex_);
    if (lease_spans_left_ < cost) return;
    lease_spans_left_ -= cost;
  }
  telemetry::Span span = telemetry::Span::StartAt(begin, "lease", traceparent_);
  if (!span.recording()) return;
  span.Set("vecferry.migration.id", lease.migration_id);
  span.Set("vecferry.shard.id", lease.shard);
  span.Set("vecferry.lease.epoch", lease.epoch);
  span.Set("vecferry.reader", worker);
  span.Set("vecferry.writer", lease.writer);
  lease.traceparent = span.traceparent();
  lease.spans_max = spans_a_lease_;
}

void MigrationTrace::BeginStep(const std::string& step) {
  EndStep(absl::OkStatus());
  base::MutexLock lock(&mutex_);
  if (step.empty() || steps_left_ == 0) return;
  --steps_left_;
  step_ = telemetry::Span::Start("finish step", traceparent_);
  step_.Set("vecferry.step", step);
}

void MigrationTrace::EndStep(const absl::Status& status) {
  base::MutexLock lock(&mutex_);
  step_.Fail(status);
  step_ = telemetry::Span();
}

void MigrationTrace::TellEnd(const core::Report& report) {
  absl::Time begin;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, report.started_at, &begin, &error)) begin = absl::Now();
  begin -= absl::Seconds(report.seconds.plan) + kRounding;  // the ledger has it since its plan is stored
  const bool failed = report.state == core::State::kFailed || report.state == core::State::kDifferent;
  const absl::Status status =
      failed ? absl::UnknownError(absl::StrCat(core::ToString(report.state), ": ", report.failure)) : absl::OkStatus();
  telemetry::TellRoot(traceparent_, "migration", begin, absl::Now(),
                      {{"vecferry.migration.id", report.migration_id},
                       {"vecferry.state", std::string(core::ToString(report.state))},
                       {"vecferry.rows", report.totals.read},
                       {"vecferry.rows.rejected", report.totals.rejected},
                       {"vecferry.bytes", report.totals.bytes},
                       {"vecferry.resumed", static_cast<std::int64_t>(report.resumed)}},
                      status);
}

}  // namespace vecferry::coordinator
