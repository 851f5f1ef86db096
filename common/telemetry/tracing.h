#ifndef VECFERRY_COMMON_TELEMETRY_TRACING_H_
#define VECFERRY_COMMON_TELEMETRY_TRACING_H_

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/telemetry/span_sender.h"
#include "common/telemetry/trace_context.h"

namespace vecferry::telemetry {

// Tracing of this process, from Start to destruction (docs/tracing.md). Like the log it is the process's: spans begin
// deep in code that has no object to ask. Without an endpoint in the environment nothing is set up, and a span costs a
// look at a flag. A program has one at a time.
class Tracing {
 public:
  // `environment`: NAME=VALUE lines; the library reads those of the exporter and of the resource from the process's
  // own. Values that are not understood are warned of and left out. Errors: kFailedPrecondition: it runs already.
  static absl::StatusOr<std::unique_ptr<Tracing>> Start(const std::string& service_name,
                                                        const std::vector<std::string>& environment);
  // Sends what has ended: for 4 seconds at most, and not at all to a collector that was away the last time. Spans that
  // end later are lost.
  ~Tracing();
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

 private:
  explicit Tracing(std::shared_ptr<SpanSender> sender) : sender_(std::move(sender)) {}
  const std::shared_ptr<SpanSender> sender_;  // nullptr: off
};

// A span from its start to End() or destruction. Not thread-safe; may move between threads. What records nothing takes
// every call and does nothing. Attributes and failures are never to hold a password.
class Span {
 public:
  Span();  // records nothing
  Span(Span&& other) noexcept;
  Span& operator=(Span&& other) noexcept;
  ~Span();

  // Records nothing when tracing is off, `parent_traceparent` is no traceparent (""), or the sampler does not want it.
  static Span Start(absl::string_view name, absl::string_view parent_traceparent, SpanKind kind = SpanKind::kInternal);
  // One that began earlier.
  static Span StartAt(absl::Time begin, absl::string_view name, absl::string_view parent_traceparent,
                      SpanKind kind = SpanKind::kInternal);
  // One that is over.
  static void Tell(absl::string_view name, absl::string_view parent_traceparent, SpanKind kind, absl::Time begin,
                   absl::Time end, Attributes attributes = {});

  bool recording() const { return recording_ != nullptr; }
  // For children; "" when it does not record.
  std::string traceparent() const;

  template <std::integral Number>
  void Set(absl::string_view key, Number value) {
    SetValue(key, static_cast<std::int64_t>(value));
  }
  void Set(absl::string_view key, double value) { SetValue(key, value); }
  void Set(absl::string_view key, absl::string_view value);
  // Marks it as failed, with error.type = the code's name. Does nothing for OK.
  void Fail(const absl::Status& status);
  void End();

 private:
  struct Recording;
  explicit Span(std::unique_ptr<Recording> recording);
  void SetValue(absl::string_view key, AttributeValue value);
  std::unique_ptr<Recording> recording_;
};

// A trace whose root is told only when it is over, by whoever is there then: a traceparent to keep, with the root's own
// ids; "" when tracing is off or the sampler does not want the trace.
std::string NewTraceparent();
// Tells that root: a span without a parent under exactly the ids of `traceparent`. Does nothing where tracing is off or
// `traceparent` is "".
void TellRoot(absl::string_view traceparent, absl::string_view name, absl::Time begin, absl::Time end,
              Attributes attributes, const absl::Status& status);

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_TRACING_H_
