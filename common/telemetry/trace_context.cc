#include "common/telemetry/trace_context.h"

#include <algorithm>

namespace vecferry::telemetry {
namespace {

constexpr std::size_t kTraceIdAt = 3, kTraceIdSize = 32, kSpanIdAt = 36, kSpanIdSize = 16, kFlagsAt = 53, kSize = 55;

bool IsHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsId(absl::string_view text) { return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos; }

thread_local const TraceScope* current = nullptr;

}  // namespace

bool IsTraceparent(absl::string_view text) {
  return text.size() == kSize && text.substr(0, kTraceIdAt) == "00-" && text[kSpanIdAt - 1] == '-' &&
         text[kFlagsAt - 1] == '-' && IsId(text.substr(kTraceIdAt, kTraceIdSize)) &&
         IsId(text.substr(kSpanIdAt, kSpanIdSize)) && IsHex(text.substr(kFlagsAt));
}

std::string TraceIdOf(absl::string_view traceparent) {
  return IsTraceparent(traceparent) ? std::string(traceparent.substr(kTraceIdAt, kTraceIdSize)) : "";
}

TraceScope::TraceScope(absl::string_view traceparent)
    : traceparent_(IsTraceparent(traceparent) ? std::string(traceparent) : ""), outer_(current) {
  current = this;
}

TraceScope::~TraceScope() { current = outer_; }

std::string CurrentTraceparent() { return current == nullptr ? "" : current->traceparent_; }

absl::string_view CurrentTraceId() {
  if (current == nullptr || current->traceparent_.empty()) return "";
  return absl::string_view(current->traceparent_).substr(kTraceIdAt, kTraceIdSize);
}

}  // namespace vecferry::telemetry
