#ifndef VECFERRY_CLI_CONFIRM_H_
#define VECFERRY_CLI_CONFIRM_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vecferry::cli {

// Asks on stderr for `name` and reads one line from stdin; what is about to be lost stands in `what`.
// Errors: kCancelled when something else, or nothing, was typed.
absl::Status ConfirmByName(absl::string_view what, absl::string_view name);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_CONFIRM_H_
