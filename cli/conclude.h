#ifndef VECFERRY_CLI_CONCLUDE_H_
#define VECFERRY_CLI_CONCLUDE_H_

#include <stdio.h>

#include <string>

#include "absl/status/statusor.h"
#include "cli/destination.h"
#include "cli/options.h"
#include "common/core/report.h"
#include "common/rpc/clients.h"

namespace vecferry::cli {

// Whether Conclude will be able to write the reports asked for, before hours of copying.
absl::Status CheckReportsWritable(const CopyOptions& copy);

// Tells how a migration ended: summary, report files, failure; returns the exit code. `by`: how the next command finds
// the destination again; `migrations` and `connection` (as rpc::MigrationClient has it): who keeps the page's digest.
absl::StatusOr<int> Conclude(const CopyOptions& copy, core::Report report, DestinationBy by,
                             rpc::MigrationClient& migrations, const std::string& connection);

// False: not all of it was taken.
bool WriteAll(FILE* stream, const std::string& text);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_CONCLUDE_H_
