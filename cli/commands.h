#ifndef VECFERRY_CLI_COMMANDS_H_
#define VECFERRY_CLI_COMMANDS_H_

#include "absl/status/statusor.h"
#include "cli/options.h"
#include "common/base/process_signals.h"

namespace vecferry::cli {

// One function a group of commands. Each returns the process's exit code; main prints an error status as one line and
// ends with what ExitCodeOf says.

absl::StatusOr<int> RunCopy(const Options& options, base::ProcessSignals& signals);
absl::StatusOr<int> RunMigrate(const Options& options);  // list, status, cancel
absl::StatusOr<int> RunVerify(const Options& options, base::ProcessSignals& signals);
absl::StatusOr<int> RunRejects(const Options& options);   // list, export, replay
absl::StatusOr<int> RunLedger(const Options& options);    // drop
absl::StatusOr<int> RunPostgres(const Options& options);  // start, stop, status, url, psql, remove

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_COMMANDS_H_
