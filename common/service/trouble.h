#ifndef VECFERRY_COMMON_SERVICE_TROUBLE_H_
#define VECFERRY_COMMON_SERVICE_TROUBLE_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/telemetry/log.h"

namespace vecferry::service {

// Something that is tried again and again: logs once when it begins to fail and once when that ends. Not thread-safe.
class Trouble {
 public:
  // `ended`: the line that says so.
  Trouble(std::string failing, std::string ended) : failing_(std::move(failing)), ended_(std::move(ended)) {}

  void Note(const absl::Status& status) {
    if (status.ok() != std::exchange(failed_, !status.ok())) return;
    if (status.ok()) {
      telemetry::LogInfo(ended_);
    } else {
      telemetry::LogWarning(absl::StrCat(failing_, ": ", status.message()));
    }
  }

 private:
  const std::string failing_, ended_;
  bool failed_ = false;
};

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_TROUBLE_H_
