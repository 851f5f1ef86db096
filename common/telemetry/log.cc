#include "common/telemetry/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/telemetry/trace_context.h"

namespace vecferry::telemetry {
namespace {

// Lines that are not to be logged again yet. Thread-safe.
class SaidLines {
 public:
  // Whether the line has not been said for an hour; it is now.
  bool Say(const std::string& line) {
    const auto now = std::chrono::steady_clock::now();
    base::MutexLock lock(&mutex_);
    // Callers choose what the lines hold, such as names in certificates.
    if (until_.size() >= kLinesMax) until_.clear();
    const auto [said, is_new] = until_.try_emplace(line, now);
    if (!is_new && now < said->second) return false;
    said->second = now + std::chrono::hours(1);
    return true;
  }

 private:
  static constexpr std::size_t kLinesMax = 1000;
  base::Mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> until_ ABSL_GUARDED_BY(mutex_);
};

// The message as the inside of a JSON string: spdlog's own pattern leaves quotes as they are.
class JsonMessageFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    static constexpr char kHex[] = "0123456789abcdef";
    for (const char c : message.payload) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') {
        out.push_back('\\');
        out.push_back(c);
      } else if (byte < 0x20) {
        const char escaped[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
        out.append(escaped, escaped + sizeof(escaped));
      } else {
        out.push_back(c);
      }
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<JsonMessageFlag>(); }
};

// What follows the message of a line that is logged within a span. Formatted on the thread that logs.
class TraceFlag : public spdlog::custom_flag_formatter {
 public:
  explicit TraceFlag(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& out) override {
    const absl::string_view id = CurrentTraceId();
    if (id.empty()) return;
    const std::string text =
        format_ == LogFormat::kJson ? absl::StrCat(R"(,"trace_id":")", id, R"(")") : absl::StrCat(" trace=", id);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<TraceFlag>(format_); }

 private:
  const LogFormat format_;
};

}  // namespace

absl::Status StartLogging(const LogOptions& options) {
  const spdlog::level::level_enum level = spdlog::level::from_str(options.level);
  // from_str answers `off` to every word that it does not know.
  if (level == spdlog::level::off && options.level != "off") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown log level '", options.level, "'; allowed: trace, debug, info, warn, error, off"));
  }
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  formatter->add_flag<TraceFlag>('&', options.format);
  if (options.format == LogFormat::kJson) {
    formatter->add_flag<JsonMessageFlag>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","message":"%*"%&})");
  } else {
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v%&");
  }
  auto logger = std::make_shared<spdlog::logger>("vecferry", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::move(formatter));
  logger->set_level(level);
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
  return absl::OkStatus();
}

void LogInfo(const std::string& line) { spdlog::default_logger_raw()->log(spdlog::level::info, line); }
void LogWarning(const std::string& line) { spdlog::default_logger_raw()->log(spdlog::level::warn, line); }
void LogError(const std::string& line) { spdlog::default_logger_raw()->log(spdlog::level::err, line); }

void LogWarningOnce(const std::string& line) {
  static SaidLines* const said = new SaidLines;  // of the process, as its log
  if (said->Say(line)) LogWarning(line);
}

}  // namespace vecferry::telemetry
