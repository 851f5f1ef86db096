#ifndef VECFERRY_COMMON_TELEMETRY_TRACING_OPTIONS_H_
#define VECFERRY_COMMON_TELEMETRY_TRACING_OPTIONS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace vecferry::telemetry {

enum class Sampling { kAlwaysOn, kAlwaysOff, kRatio };

// What OpenTelemetry's standard variables ask for, as far as its library does not read them itself. Plain data; the
// defaults are the specification's.
struct TracingOptions {
  bool enabled = false;  // an endpoint is set, and nothing turns tracing off
  Sampling sampling = Sampling::kAlwaysOn;
  double ratio = 1;          // of kRatio
  bool parent_based = true;  // a span below another one does as that did; `sampling` is for the first
  std::size_t queue_spans_max = 2048, batch_spans_max = 512;
  absl::Duration batch_delay = absl::Seconds(5);
  absl::Duration export_timeout = absl::Seconds(30);
};

// `environment`: NAME=VALUE lines. An unknown value is left out, and told in `warnings`.
TracingOptions ReadTracingOptions(const std::vector<std::string>& environment, std::vector<std::string>& warnings);

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_TRACING_OPTIONS_H_
