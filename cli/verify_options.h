#ifndef VECFERRY_CLI_VERIFY_OPTIONS_H_
#define VECFERRY_CLI_VERIFY_OPTIONS_H_

#include "absl/status/status.h"
#include "cli/options.h"
#include "common/flags/arguments.h"

namespace vecferry::cli {

// The flags of `vecferry verify`.
void DeclareVerifyFlags(flags::Arguments& arguments);
absl::Status ReadVerifyFlags(const flags::Arguments& arguments, Options& options);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_VERIFY_OPTIONS_H_
