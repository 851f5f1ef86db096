#ifndef VECFERRY_CLI_REMOTE_COMMAND_H_
#define VECFERRY_CLI_REMOTE_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/options.h"
#include "common/base/process_signals.h"
#include "common/rpc/clients.h"

namespace vecferry::cli {

// `migrate copy`, as a coordinator is asked for it. `streams`: readers and writers.
rpc::StartOptions MakeRequest(const CopyOptions& copy, const std::string& connection, int streams);

// Submits to the coordinator of options.remote, watches, and ends with the migration's exit code. A signal ends the
// watching alone.
absl::StatusOr<int> RunRemoteCopy(const Options& options, base::ProcessSignals& signals);

absl::StatusOr<int> RunRemoteMigrate(const Options& options, base::ProcessSignals& signals);  // watch, pause, resume

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REMOTE_COMMAND_H_
