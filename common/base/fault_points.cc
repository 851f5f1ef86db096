#include "common/base/fault_points.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace vecferry::base {
namespace {

struct Armed {
  std::string name;
  std::atomic<int> passes_left{0};
  Armed() {
    const char* setting = std::getenv("VECFERRY_FAULT");
    if (setting == nullptr) return;
    const std::pair<std::string, std::string> parts = absl::StrSplit(setting, absl::MaxSplits(':', 1));
    int passes = 1;
    if (!parts.second.empty() && !absl::SimpleAtoi(parts.second, &passes)) return;
    name = parts.first;
    passes_left = passes;
  }
};

}  // namespace

void FaultPoint(absl::string_view name) {
  static Armed armed;
  if (armed.name.empty() || name != absl::string_view(armed.name)) return;
  if (armed.passes_left.fetch_sub(1) == 1) raise(SIGKILL);
}

}  // namespace vecferry::base
