#ifndef VECFERRY_COMMON_TELEMETRY_SPAN_SENDER_H_
#define VECFERRY_COMMON_TELEMETRY_SPAN_SENDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/telemetry/tracing_options.h"

namespace vecferry::telemetry {

enum class SpanKind { kInternal, kServer, kClient };

using AttributeValue = std::variant<std::int64_t, double, std::string>;
using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

// A span that has ended. Plain data.
struct SpanRecord {
  std::string traceparent;  // its own
  std::string parent;       // "" = the trace's root
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  absl::Time begin, end;
  Attributes attributes;
  bool failed = false;
  std::string why_failed;
};

// Decides which spans are recorded, and takes them to the collector in batches, on a thread of its own: the one place
// that knows OpenTelemetry. Thread-safe; no call but Close waits for the collector. What its queue has no room for is
// dropped. Of its trouble one line a minute is logged.
class SpanSender {
 public:
  // Waits for nothing: an endpoint that is no address, or where nobody listens, shows in the log.
  static std::shared_ptr<SpanSender> Start(const std::string& service_name, const TracingOptions& options);
  virtual ~SpanSender() = default;

  // A traceparent for a new trace, or for a new span below `parent`; "" when the sampler does not want it.
  virtual std::string NewTrace() = 0;
  virtual std::string NewSpan(absl::string_view name, SpanKind kind, absl::string_view parent) = 0;
  virtual void Send(const SpanRecord& span) = 0;
  // Sends what is queued, for seconds at most (tracing.h); later spans are dropped.
  virtual void Close() = 0;
};

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_SPAN_SENDER_H_
