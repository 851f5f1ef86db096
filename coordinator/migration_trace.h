#ifndef VECFERRY_COORDINATOR_MIGRATION_TRACE_H_
#define VECFERRY_COORDINATOR_MIGRATION_TRACE_H_

#include <string>

#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/core/report.h"
#include "common/rpc/clients.h"
#include "common/telemetry/tracing.h"

namespace vecferry::coordinator {

// What one driver tells of its migration as spans, below the migration's own (docs/tracing.md). Thread-safe.
class MigrationTrace {
 public:
  // `traceparent`: the plan's; "" = not traced.
  MigrationTrace(std::string traceparent, std::size_t shards);

  // A lease that was asked for at `begin` and is granted now: told, and its traceparent put into it, as long as the
  // migration stays under its bound of spans.
  void TellLease(absl::Time begin, const std::string& worker, rpc::Lease& lease);
  // The step at work; ends the one before. "" = none.
  void BeginStep(const std::string& step);
  // Ends the step at work with how it went.
  void EndStep(const absl::Status& status);
  // The migration's own span, when it has ended or failed.
  void TellEnd(const core::Report& report);

 private:
  const std::string traceparent_;
  const int spans_a_lease_;  // Lease::spans_max
  base::Mutex mutex_;
  int lease_spans_left_ ABSL_GUARDED_BY(mutex_);
  int steps_left_ ABSL_GUARDED_BY(mutex_);
  telemetry::Span step_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_MIGRATION_TRACE_H_
