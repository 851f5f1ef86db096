#ifndef VECFERRY_CLI_CONCLUDE_H_
#define VECFERRY_CLI_CONCLUDE_H_

#include <stdio.h>

#include <string>

#include "absl/status/statusor.h"
#include "cli/destination.h"
#include "cli/options.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Whether Conclude will be able to write the reports asked for, before hours of copying.
absl::Status CheckReportsWritable(const CopyOptions& copy);

// Tells how a migration ended: summary, report files, failure; returns the exit code. `by`: how the next command finds
// the destination again; `conninfo`: of the ledger, which keeps the page's digest, "" = out of reach.
absl::StatusOr<int> Conclude(const CopyOptions& copy, core::Report report, DestinationBy by,
                             const std::string& conninfo);

// False: not all of it was taken.
bool WriteAll(FILE* stream, const std::string& text);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_CONCLUDE_H_
