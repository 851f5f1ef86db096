#ifndef VECFERRY_CLI_REJECTS_EXPORT_H_
#define VECFERRY_CLI_REJECTS_EXPORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "common/postgres/connection.h"

namespace vecferry::cli {

// Writes the migration's rejected rows into `folder`, which is made: rejects.csv with a record each, and their kept
// bytes in a file each. Returns how many. Memory does not grow with them.
// Errors: kInvalidArgument, beginning with --out, when the folder is there and not empty; kFailedPrecondition and
// others when it cannot be written.
absl::StatusOr<std::int64_t> ExportRejects(postgres::Connection& session, const std::string& migration_id,
                                           const std::string& folder);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REJECTS_EXPORT_H_
