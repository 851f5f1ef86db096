#ifndef VECFERRY_CLI_COPY_OPTIONS_H_
#define VECFERRY_CLI_COPY_OPTIONS_H_

#include "absl/status/status.h"
#include "cli/options.h"
#include "common/flags/arguments.h"

namespace vecferry::cli {

// The flags of `migrate copy` (docs/interface.md), and what they mean.
void DeclareCopyFlags(flags::Arguments& arguments);

// Errors: kInvalidArgument naming flag, value and what is allowed, or the two flags that exclude each other.
absl::Status ReadCopyFlags(const flags::Arguments& arguments, Options& options);

// Parts of them that `verify` has too.
absl::Status ReadIdentity(const flags::Arguments& arguments, core::Identity& identity);
absl::Status ReadTuning(const flags::Arguments& arguments, CopyOptions& copy);
void DeclareReportFlags(flags::Arguments& arguments);
absl::Status ReadReportFlags(const flags::Arguments& arguments, CopyOptions& copy);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_COPY_OPTIONS_H_
