#ifndef VECFERRY_COMMON_TELEMETRY_LOG_H_
#define VECFERRY_COMMON_TELEMETRY_LOG_H_

#include <string>

#include "absl/status/status.h"

namespace vecferry::telemetry {

enum class LogFormat { kText, kJson };

struct LogOptions {
  std::string level = "warn";  // trace, debug, info, warn, error, off
  LogFormat format = LogFormat::kText;
};

// Sends the process's log lines to stderr, times in UTC, with the trace's id within a span (trace_context.h). Call
// before the first line is logged; the last call holds. Errors: kInvalidArgument for an unknown level.
absl::Status StartLogging(const LogOptions& options);

// One line each, already formatted. Thread-safe. Never hand in anything that may hold a password.
void LogInfo(const std::string& line);
void LogWarning(const std::string& line);
void LogError(const std::string& line);
// For what a caller may make us say again and again: the same line is logged once an hour.
void LogWarningOnce(const std::string& line);

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_LOG_H_
