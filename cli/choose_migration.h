#ifndef VECFERRY_CLI_CHOOSE_MIGRATION_H_
#define VECFERRY_CLI_CHOOSE_MIGRATION_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/destination.h"
#include "cli/options.h"
#include "cli/pipeline.h"
#include "common/core/report.h"

namespace vecferry::cli {

// Which destination and which of its migrations a command that looks at the ledger means.

// The destination with its server running, told on stderr; nullopt: the private one, which was never made.
absl::StatusOr<std::optional<Destination>> ReachDestination(const std::string& postgres_url);

// The migrations that a destination knows, and what to ask more with.
struct KnownMigrations {
  std::optional<Destination> destination;             // as ReachDestination
  std::optional<Pipeline> pipeline;                   // to it, without a source; as long as there is a destination
  std::unique_ptr<rpc::MigrationClient> coordinator;  // with --coordinator, in place of both
  std::string coordinator_connection;
  std::vector<core::Report> reports;

  // Only when there is a report.
  rpc::MigrationClient& migrations() { return coordinator != nullptr ? *coordinator : pipeline->migrations(); }
  const std::string& connection() const {
    return coordinator != nullptr ? coordinator_connection : pipeline->connection();
  }
};
// Into an empty `known`.
absl::Status ListMigrations(const Options& options, KnownMigrations& known);

// The migration that `id` means: an id, a unique prefix, or "" for the only unfinished one. nullptr and a message on
// stderr, for exit code 2, when that is not one.
absl::StatusOr<const core::Report*> ChooseMigration(const std::vector<core::Report>& reports, const std::string& id);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_CHOOSE_MIGRATION_H_
