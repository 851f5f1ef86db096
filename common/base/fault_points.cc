#include "common/base/fault_points.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <list>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace vecferry::base {
namespace {

struct Armed {
  std::string name;
  int signal = SIGKILL;
  std::atomic<int> passes_left{1};
};

// What cannot be read is left out: a fault that does not come shows in the test that waits for it.
std::list<Armed> ReadSetting(const char* setting) {
  std::list<Armed> all;
  if (setting == nullptr) return all;
  for (const absl::string_view text : absl::StrSplit(setting, ',', absl::SkipEmpty())) {
    const std::vector<std::string> parts = absl::StrSplit(text, ':');
    int passes = 1;
    if (parts.size() > 1 && !absl::SimpleAtoi(parts[1], &passes)) continue;
    if (parts.size() > 3 || (parts.size() == 3 && parts[2] != "stop")) continue;
    Armed& armed = all.emplace_back();
    armed.name = parts[0];
    armed.passes_left = passes;
    if (parts.size() == 3) armed.signal = SIGSTOP;
  }
  return all;
}

}  // namespace

void FaultPoint(absl::string_view name) {
  static std::list<Armed> armed = ReadSetting(std::getenv("VECFERRY_FAULT"));
  for (Armed& point : armed) {
    if (name == absl::string_view(point.name) && point.passes_left.fetch_sub(1) == 1) raise(point.signal);
  }
}

}  // namespace vecferry::base
