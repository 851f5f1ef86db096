#ifndef VECFERRY_COMMON_FLAGS_ARGUMENTS_H_
#define VECFERRY_COMMON_FLAGS_ARGUMENTS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vecferry::flags {

// The flags and words of one command, as text; their meaning is decided by the caller. Wraps CLI11, which takes five
// seconds to compile and is therefore named in arguments.cc alone. Not thread-safe.
class Arguments {
 public:
  // `command` such as "vecferry migrate copy".
  Arguments(std::string command, std::string about);
  ~Arguments();

  // Flags are given with their dashes: "--schema". `-h` and `--help` exist always.
  void AddText(const std::string& flag, const std::string& value_name, const std::string& about,
               bool repeatable = false);
  void AddSwitch(const std::string& flag, const std::string& about);
  // A word without a flag, which may be left out.
  void AddWord(const std::string& name, const std::string& about);

  // For flags that are not given, once: from NAME=VALUE lines, --drain-timeout from VECFERRY_DRAIN_TIMEOUT, a switch
  // from 1 or true. Empty values are none.
  void TakeFromEnvironment(const std::vector<std::string>& environment);
  // Errors: kInvalidArgument naming flag, value and what is allowed; an unknown flag with the nearest known one.
  absl::Status Parse(const std::vector<std::string>& words);

  bool help_asked() const;
  std::string Help() const;
  bool Has(const std::string& name) const;                        // a flag or a word
  std::optional<std::string> Get(const std::string& name) const;  // of a flag that is not repeatable, or a word
  std::vector<std::string> GetAll(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vecferry::flags

#endif  // VECFERRY_COMMON_FLAGS_ARGUMENTS_H_
