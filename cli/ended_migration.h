#ifndef VECFERRY_CLI_ENDED_MIGRATION_H_
#define VECFERRY_CLI_ENDED_MIGRATION_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/destination.h"
#include "cli/options.h"
#include "common/core/plan.h"
#include "common/core/report.h"

namespace vecferry::cli {

// A migration that can be compared with its source again, as its ledger has it.
struct EndedMigration {
  Destination destination;
  core::Plan plan;
  core::Report report;
  bool no_indexes = false;
};

// The migration that the options mean: by its id, or the only one that has ended and is no repair. nullopt, and a
// message on stderr for exit code 2: that is not one. kFailedPrecondition: it has not ended, or is dropped.
absl::StatusOr<std::optional<EndedMigration>> ChooseEnded(const Options& options);

absl::StatusOr<EndedMigration> LoadEnded(const Destination& destination, const std::string& id);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_ENDED_MIGRATION_H_
