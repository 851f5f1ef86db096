#ifndef VECFERRY_CLI_CHILD_PROCESS_H_
#define VECFERRY_CLI_CHILD_PROCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vecferry::cli {

// An account that a program runs under.
struct Account {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

struct ChildOutput {
  int exit_code = 0;  // 128 + the signal's number when one ended it
  std::string text;   // stdout and stderr, the last 64 KiB
};

// Runs a program to its end with no input, in folder `folder`, under `account` (nullopt: this process's own), locale
// C.UTF-8. The program dies with this process. Errors: kNotFound when it cannot be run.
absl::StatusOr<ChildOutput> RunProgram(const std::vector<std::string>& words, const std::optional<Account>& account,
                                       const std::string& folder);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_CHILD_PROCESS_H_
