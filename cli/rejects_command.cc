#include <stdio.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/choose_migration.h"
#include "cli/commands.h"
#include "cli/pipeline.h"
#include "cli/rejects_export.h"
#include "cli/rejects_text.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger_rejects.h"

namespace vecferry::cli {
namespace {

constexpr int kRowsShown = 50;
constexpr int kRowsATime = 500;
constexpr int kRejectedExitCode = 3;

void Write(FILE* stream, const std::string& text) { fwrite(text.data(), 1, text.size(), stream); }

// As one JSON object whose rows are written as they are read.
absl::Status WriteJson(postgres::Connection& session, const std::string& migration_id, const KindCounts& by_kind) {
  Write(stdout, absl::StrCat("{\"migration_id\": \"", migration_id, "\", \"by_kind\": ", KindsJson(by_kind),
                             ", \"rejects\": ["));
  bool first = true;
  for (std::int64_t after = 0;;) {
    ASSIGN_OR_RETURN(const std::vector<postgres::Reject> page,
                     postgres::ListRejects(session, migration_id, after, kRowsATime));
    for (const postgres::Reject& reject : page) {
      Write(stdout, absl::StrCat(first ? "\n" : ",\n", RejectJson(reject)));
      first = false;
    }
    if (page.empty()) break;
    after = page.back().id;
  }
  Write(stdout, "\n]}\n");
  return absl::OkStatus();
}

absl::Status List(const Options& options, postgres::Connection& session, const std::string& migration_id) {
  // One state for rows and counts.
  RETURN_IF_ERROR(session.ExecuteScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  ASSIGN_OR_RETURN(const KindCounts by_kind, postgres::CountRejectsByKind(session, migration_id));
  if (options.output == OutputFormat::kJson) return WriteJson(session, migration_id, by_kind);
  ASSIGN_OR_RETURN(const std::vector<postgres::Reject> shown,
                   postgres::ListRejects(session, migration_id, 0, kRowsShown));
  Write(stdout, FormatRejects(shown, by_kind));
  return absl::OkStatus();
}

absl::Status Export(const Options& options, postgres::Connection& session, const std::string& migration_id) {
  RETURN_IF_ERROR(session.ExecuteScript("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  ASSIGN_OR_RETURN(const std::int64_t rows, ExportRejects(session, migration_id, options.out));
  Write(stdout, absl::StrCat(rows, rows == 1 ? " row" : " rows", " written to ", options.out, "/rejects.csv\n"));
  return absl::OkStatus();
}

absl::StatusOr<int> Replay(const Options& options, const std::string& migration_id, Pipeline& pipeline) {
  ASSIGN_OR_RETURN(const core::ReplayOutcome outcome,
                   pipeline.migrations().Replay(migration_id, pipeline.connection(), options.replay));
  Write(stdout, FormatReplay(outcome, migration_id, options.replay.dry_run));
  return outcome.rejected.empty() ? 0 : kRejectedExitCode;
}

}  // namespace

absl::StatusOr<int> RunRejects(const Options& options) {
  KnownMigrations known;
  RETURN_IF_ERROR(ListMigrations(options, known));
  ASSIGN_OR_RETURN(const core::Report* const chosen, ChooseMigration(known.reports, options.migration_id));
  if (chosen == nullptr) return 2;
  if (options.command == Command::kRejectsReplay) return Replay(options, chosen->migration_id, *known.pipeline);
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = known.destination->conninfo}));
  RETURN_IF_ERROR(options.command == Command::kRejectsList ? List(options, session, chosen->migration_id)
                                                           : Export(options, session, chosen->migration_id));
  return 0;
}

}  // namespace vecferry::cli
