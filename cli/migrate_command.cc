#include <stdio.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/choose_migration.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/pipeline.h"
#include "cli/report_json.h"
#include "cli/summary.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"

namespace vecferry::cli {
namespace {

void Write(FILE* stream, const std::string& text) { fwrite(text.data(), 1, text.size(), stream); }

absl::StatusOr<int> Status(const Options& options, core::Report report, const KnownMigrations& known) {
  DestinationBy by = DestinationBy::kCoordinator;
  if (known.destination) {
    report.destination_url = known.destination->masked;
    by = known.destination->by;
  }
  Write(stdout, options.output == OutputFormat::kJson ? ReportJson(report) : FormatSummary(report, by));
  return 0;
}

absl::StatusOr<int> Cancel(const Options& options, const core::Report& report, KnownMigrations& known) {
  if (options.drop && !options.yes) {
    RETURN_IF_ERROR(ConfirmByName(absl::StrCat("The tables that migration ", report.migration_id, " made in schema ",
                                               core::SanitizeText(report.destination_schema), " will be dropped."),
                                  report.destination_schema));
  }
  const absl::StatusOr<core::Report> cancelled =
      known.migrations().Cancel(report.migration_id, known.connection(), options.drop);
  RETURN_IF_ERROR(WhetherDone(options.remote, cancelled.status()));
  Write(stdout, absl::StrCat("migration ", cancelled->migration_id, " is ", core::ToString(cancelled->state),
                             options.drop ? ": its tables are gone\n" : "; the same copy command resumes it\n"));
  return 0;
}

}  // namespace

absl::StatusOr<int> RunMigrate(const Options& options) {
  KnownMigrations known;
  RETURN_IF_ERROR(ListMigrations(options, known));
  if (options.command == Command::kMigrateList) {
    Write(stdout, options.output == OutputFormat::kJson ? ListJson(known.reports) : FormatList(known.reports));
    return 0;
  }
  ASSIGN_OR_RETURN(const core::Report* const chosen, ChooseMigration(known.reports, options.migration_id));
  if (chosen == nullptr) return 2;
  if (options.command == Command::kMigrateCancel) return Cancel(options, *chosen, known);
  ASSIGN_OR_RETURN(core::Report report, known.migrations().Get(chosen->migration_id, known.connection()));
  return Status(options, std::move(report), known);
}

absl::StatusOr<int> RunLedger(const Options& options) {
  ASSIGN_OR_RETURN(const std::optional<Destination> destination, ReachDestination(options.postgres_url));
  if (destination.has_value()) {
    ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = destination->conninfo}));
    ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
    if (exists) {
      if (!options.yes) {
        RETURN_IF_ERROR(ConfirmByName(
            "The ledger (schema vecferry) with all its migrations and issues will be removed.", "vecferry"));
      }
      RETURN_IF_ERROR(postgres::DropLedger(session));
      Write(stdout, "the ledger is gone\n");
      return 0;
    }
  }
  Write(stdout, "there is no ledger at this destination\n");
  return 0;
}

}  // namespace vecferry::cli
