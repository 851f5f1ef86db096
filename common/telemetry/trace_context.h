#ifndef VECFERRY_COMMON_TELEMETRY_TRACE_CONTEXT_H_
#define VECFERRY_COMMON_TELEMETRY_TRACE_CONTEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::telemetry {

// A span's place in a trace travels as W3C Trace Context text, "00-<32 hex>-<16 hex>-<2 hex>"; "" stands for none.

// Whether `text` is a traceparent of version 00: lower-case digits, no id all zeros, nothing before or behind.
bool IsTraceparent(absl::string_view text);

// The 32 hexadecimal digits that name the trace; "" when `traceparent` is none.
std::string TraceIdOf(absl::string_view traceparent);

// While it lives, a span is the calling thread's current one: calls made through common/rpc name it as their parent,
// and log lines carry its trace id. Scopes nest: the last one holds. Lives on the stack of its thread.
class TraceScope {
 public:
  // What is no traceparent, "" above all, leaves the thread without a current span for as long.
  explicit TraceScope(absl::string_view traceparent);
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  friend std::string CurrentTraceparent();
  friend absl::string_view CurrentTraceId();
  const std::string traceparent_;
  const TraceScope* const outer_;
};

// Of the calling thread's current span; "" = none.
std::string CurrentTraceparent();
// Points into the scope.
absl::string_view CurrentTraceId();

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_TRACE_CONTEXT_H_
