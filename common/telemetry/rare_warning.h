#ifndef VECFERRY_COMMON_TELEMETRY_RARE_WARNING_H_
#define VECFERRY_COMMON_TELEMETRY_RARE_WARNING_H_

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/telemetry/log.h"

namespace vecferry::telemetry {

// Logs a warning, and those that follow within `interval` not, but for how many they were. Thread-safe.
class RareWarning {
 public:
  explicit RareWarning(absl::Duration interval) : interval_(interval) {}

  void Log(const std::string& line) { LogAt(absl::Now(), line); }
  void LogAt(absl::Time now, const std::string& line) {
    int left_out = 0;
    {
      base::MutexLock lock(&mutex_);
      if (now < next_) {
        ++left_out_;
        return;
      }
      next_ = now + interval_;
      left_out = std::exchange(left_out_, 0);
    }
    LogWarning(left_out == 0 ? line : absl::StrCat(line, " (", left_out, " more such lines left out before)"));
  }

 private:
  const absl::Duration interval_;
  base::Mutex mutex_;
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace vecferry::telemetry

#endif  // VECFERRY_COMMON_TELEMETRY_RARE_WARNING_H_
