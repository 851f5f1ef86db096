#include "common/telemetry/tracing_options.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vecferry::telemetry {
namespace {

// The queue's places are allocated at once: a million take 8 MB.
constexpr std::int64_t kQueueSpansMax = 1'000'000;
constexpr std::int64_t kHourMilliseconds = 3'600'000;

class Reader {
 public:
  Reader(const std::vector<std::string>& environment, std::vector<std::string>& warnings) : warnings_(warnings) {
    for (const std::string& line : environment) {
      const std::pair<std::string, std::string> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
      if (absl::StartsWith(parts.first, "OTEL_")) variables_.insert(parts);
    }
  }

  // "" = not set, which the specification takes for the same.
  std::string Get(const char* name) const {
    const auto found = variables_.find(name);
    return found == variables_.end() ? "" : found->second;
  }

  void Warn(const char* name, absl::string_view allowed) {
    warnings_.push_back(absl::StrCat(name, "=", Get(name), " is not understood and left out; it must be ", allowed));
  }

  bool Truth(const char* name) {
    const std::string text = Get(name);
    if (absl::EqualsIgnoreCase(text, "true")) return true;
    if (!text.empty() && !absl::EqualsIgnoreCase(text, "false")) Warn(name, "true or false");
    return false;
  }

  std::optional<std::int64_t> Number(const char* name, std::int64_t min, std::int64_t max) {
    if (Get(name).empty()) return std::nullopt;
    std::int64_t number = 0;
    if (absl::SimpleAtoi(Get(name), &number) && number >= min && number <= max) return number;
    Warn(name, absl::StrCat("a whole number from ", min, " to ", max));
    return std::nullopt;
  }

 private:
  std::map<std::string, std::string> variables_;
  std::vector<std::string>& warnings_;
};

void ReadSampler(Reader& reader, TracingOptions& options) {
  std::string name = reader.Get("OTEL_TRACES_SAMPLER");
  if (name.empty()) return;
  constexpr absl::string_view kParentBased = "parentbased_";
  const bool parent_based = absl::StartsWith(name, kParentBased);
  if (parent_based) name.erase(0, kParentBased.size());
  const std::map<std::string, Sampling> known = {
      {"always_on", Sampling::kAlwaysOn}, {"always_off", Sampling::kAlwaysOff}, {"traceidratio", Sampling::kRatio}};
  const auto found = known.find(name);
  if (found == known.end()) {
    return reader.Warn("OTEL_TRACES_SAMPLER", "always_on, always_off or traceidratio, with or without parentbased_");
  }
  options.sampling = found->second;
  options.parent_based = parent_based;
  const std::string ratio = reader.Get("OTEL_TRACES_SAMPLER_ARG");
  if (options.sampling != Sampling::kRatio || ratio.empty()) return;
  double number = 0;
  if (absl::SimpleAtod(ratio, &number) && number >= 0 && number <= 1) {
    options.ratio = number;
  } else {
    reader.Warn("OTEL_TRACES_SAMPLER_ARG", "a number from 0 to 1");
  }
}

void ReadBatches(Reader& reader, TracingOptions& options) {
  if (const auto number = reader.Number("OTEL_BSP_MAX_QUEUE_SIZE", 1, kQueueSpansMax)) {
    options.queue_spans_max = static_cast<std::size_t>(*number);
    options.batch_spans_max = std::min(options.batch_spans_max, options.queue_spans_max);
  }
  const auto queue = static_cast<std::int64_t>(options.queue_spans_max);
  if (const auto number = reader.Number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, queue)) {
    options.batch_spans_max = static_cast<std::size_t>(*number);
  }
  if (const auto number = reader.Number("OTEL_BSP_SCHEDULE_DELAY", 1, kHourMilliseconds)) {
    options.batch_delay = absl::Milliseconds(*number);
  }
  if (const auto number = reader.Number("OTEL_BSP_EXPORT_TIMEOUT", 1, kHourMilliseconds)) {
    options.export_timeout = absl::Milliseconds(*number);
  }
}

// What the library speaks, whatever was asked for.
void CheckProtocol(Reader& reader, const char* name) {
  const std::string protocol = reader.Get(name);
  if (!protocol.empty() && protocol != "grpc") reader.Warn(name, "grpc: nothing else is spoken here");
}

bool IsTurnedOff(Reader& reader) {
  const std::string exporter = reader.Get("OTEL_TRACES_EXPORTER");
  if (reader.Truth("OTEL_SDK_DISABLED") || exporter == "none") return true;
  if (!exporter.empty() && exporter != "otlp") reader.Warn("OTEL_TRACES_EXPORTER", "otlp or none");
  return false;
}

}  // namespace

TracingOptions ReadTracingOptions(const std::vector<std::string>& environment, std::vector<std::string>& warnings) {
  Reader reader(environment, warnings);
  TracingOptions options;
  if (reader.Get("OTEL_EXPORTER_OTLP_ENDPOINT").empty() && reader.Get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").empty()) {
    return options;
  }
  if (IsTurnedOff(reader)) return options;
  CheckProtocol(reader, "OTEL_EXPORTER_OTLP_PROTOCOL");
  CheckProtocol(reader, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
  options.enabled = true;
  ReadSampler(reader, options);
  ReadBatches(reader, options);
  return options;
}

}  // namespace vecferry::telemetry
