#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/commands.h"
#include "cli/confirm.h"
#include "cli/local_postgres.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/postgres/connection.h"
#include "common/postgres/ledger.h"

namespace vecferry::cli {
namespace {

void Print(const std::string& line) { printf("%s\n", line.c_str()); }

absl::StatusOr<int> Tell(const LocalPostgres& local) {
  if (!local.exists()) {
    Print("not made yet; `vecferry postgres start` or the first copy makes it");
  } else if (!local.Running()) {
    Print("stopped");
  } else {
    ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = local.url()}));
    ASSIGN_OR_RETURN(
        const postgres::Result about,
        session.Execute("SELECT current_setting('server_version'), (SELECT extversion FROM pg_extension "
                        "WHERE extname = 'vector'), pg_size_pretty(pg_database_size(current_database()))"));
    Print(absl::StrCat("running, process ", local.server_pid(), ", PostgreSQL ", about.text(0, 0), ", pgvector ",
                       about.text(0, 1), ", database of ", about.text(0, 2)));
  }
  Print(absl::StrCat("url     ", local.url()));
  Print(absl::StrCat("folder  ", local.folder()));
  Print(absl::StrCat("log     ", local.log_path()));
  return 0;
}

absl::Status RefuseWhileUnfinished(LocalPostgres& local) {
  // Only a running server tells.
  if (const absl::Status started = local.Start(); !started.ok()) {
    return absl::Status(started.code(), absl::StrCat(started.message(),
                                                     "; so it cannot be told whether a migration is unfinished: if "
                                                     "none is, stop what runs there and remove the folder ",
                                                     local.folder()));
  }
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = local.url()}));
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (!exists) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<postgres::MigrationRow> rows, postgres::ListMigrations(session));
  for (const postgres::MigrationRow& row : rows) {
    if (core::IsEnded(row.state)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("migration ", row.id, " is unfinished (", core::ToString(row.state),
                     "): finish it by its own command, or `vecferry migrate cancel ", row.id, " --drop` first"));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Remove(LocalPostgres& local, bool yes) {
  if (local.exists()) {
    RETURN_IF_ERROR(RefuseWhileUnfinished(local));
    if (!yes) {
      RETURN_IF_ERROR(ConfirmByName(
          absl::StrCat("The private Postgres with all its data in ", local.folder(), " will be removed."), "vecferry"));
    }
  }
  RETURN_IF_ERROR(local.Remove());
  Print("the private Postgres is gone");
  return 0;
}

absl::StatusOr<int> BecomePsql(LocalPostgres& local, const std::vector<std::string>& more) {
  RETURN_IF_ERROR(local.Start());
  ASSIGN_OR_RETURN(const PostgresPrograms programs, local.Programs());
  std::vector<std::string> words = {absl::StrCat(programs.folder, "/psql"), absl::StrCat("--dbname=", local.url())};
  words.insert(words.end(), more.begin(), more.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  // psql handles Ctrl-C itself; it would inherit our blocked signals.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  fflush(nullptr);
  execv(argv[0], argv.data());
  argv[0][0] = '\0';
  execvp("psql", argv.data());
  return absl::NotFoundError("psql is not installed: install PostgreSQL's client package");
}

}  // namespace

absl::StatusOr<int> RunPostgres(const Options& options) {
  ASSIGN_OR_RETURN(LocalPostgres local, LocalPostgres::Locate());
  switch (options.command) {
    case Command::kPostgresStart:
      RETURN_IF_ERROR(local.Start());
      Print(absl::StrCat("running: ", local.url()));
      return 0;
    case Command::kPostgresStop:
      RETURN_IF_ERROR(local.Stop());
      Print("stopped");
      return 0;
    case Command::kPostgresStatus: return Tell(local);
    case Command::kPostgresUrl: Print(local.url()); return 0;
    case Command::kPostgresPsql: return BecomePsql(local, options.psql_words);
    default: return Remove(local, options.yes);
  }
}

}  // namespace vecferry::cli
