#include "cli/choose_migration.h"

#include <stdio.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/local_postgres.h"
#include "cli/summary.h"
#include "common/base/status_macros.h"

namespace vecferry::cli {
namespace {

void Write(FILE* stream, const std::string& text) { fwrite(text.data(), 1, text.size(), stream); }

}  // namespace

absl::StatusOr<std::optional<Destination>> ReachDestination(const std::string& postgres_url) {
  ASSIGN_OR_RETURN(Destination destination, ChooseDestination(postgres_url));
  Write(stderr, DestinationLine(destination));
  if (destination.is_private) {
    ASSIGN_OR_RETURN(LocalPostgres local, LocalPostgres::Locate());
    if (!local.exists()) return std::optional<Destination>();
    RETURN_IF_ERROR(local.Start());
  }
  return std::optional<Destination>(std::move(destination));
}

absl::Status ListMigrations(const Options& options, KnownMigrations& known) {
  if (!options.remote.coordinator.empty()) {
    ASSIGN_OR_RETURN(known.coordinator, ConnectCoordinator(options.remote));
    known.coordinator_connection = options.remote.connection;
    return AskAgain(options.remote, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(known.reports, known.coordinator->List(known.coordinator_connection));
      return absl::OkStatus();
    });
  }
  ASSIGN_OR_RETURN(known.destination, ReachDestination(options.postgres_url));
  if (!known.destination) return absl::OkStatus();
  known.pipeline.emplace(PipelineOptions{known.destination->conninfo}, nullptr);
  ASSIGN_OR_RETURN(known.reports, known.pipeline->migrations().List(known.pipeline->connection()));
  return absl::OkStatus();
}

absl::StatusOr<const core::Report*> ChooseMigration(const std::vector<core::Report>& reports, const std::string& id) {
  std::vector<core::Report> matching;
  const core::Report* chosen = nullptr;
  for (const core::Report& report : reports) {
    if (id.empty() ? core::IsEnded(report.state) : !absl::StartsWith(report.migration_id, id)) continue;
    if (report.migration_id == id) return &report;
    matching.push_back(report);
    chosen = &report;
  }
  if (matching.size() == 1) return chosen;
  if (!id.empty() && matching.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no migration '", id, "' at this destination; `vecferry migrate list` names those that there are, ",
        "--postgres-url names another destination"));
  }
  if (reports.empty()) {
    Write(stderr, "vecferry: there is no migration at this destination\n");
    return nullptr;
  }
  Write(stderr, absl::StrCat("vecferry: ",
                             id.empty() ? (matching.empty() ? "no migration is unfinished" : "several are unfinished")
                                        : absl::StrCat("'", id, "' fits several migrations"),
                             "; give the ID of one of these\n", FormatList(matching.empty() ? reports : matching)));
  return nullptr;
}

}  // namespace vecferry::cli
