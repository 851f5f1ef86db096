#ifndef VECFERRY_CLI_OPTIONS_H_
#define VECFERRY_CLI_OPTIONS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "cli/remote.h"
#include "common/core/plan.h"
#include "common/core/replay.h"
#include "common/core/verification.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::cli {

// The command line, understood: which command, and its options with defaults resolved. Plain data.

enum class Command {
  kMigrateCopy,
  kMigrateList,
  kMigrateStatus,
  kMigrateCancel,
  kMigrateWatch,
  kMigratePause,
  kMigrateResume,
  kVerify,
  kRejectsList,
  kRejectsExport,
  kRejectsReplay,
  kLedgerDrop,
  kPostgresStart,
  kPostgresStop,
  kPostgresStatus,
  kPostgresUrl,
  kPostgresPsql,
  kPostgresRemove,
};

enum class ProgressMode { kAuto, kBar, kPlain, kJson, kNone };
enum class OutputFormat { kTable, kJson };

struct CopyOptions {
  core::Identity identity;       // source_path as it was given
  int connections_max = 4;       // towards the destination, the ledger's two included
  int readers = 0, writers = 0;  // streams; 0 = chosen
  int batch_rows_max = 500;
  std::int64_t rejects_max = 1000;
  std::string on_source_change = "reconcile";
  sqlite::SnapshotMode snapshot = sqlite::SnapshotMode::kAuto;
  std::string scratch_dir;  // "" = $TMPDIR
  bool no_indexes = false, no_verify = false, dry_run = false;
  core::VerifyOptions verify;                 // `migrate copy` chooses its level alone
  std::string report_path, report_html_path;  // "" = none, "-" = stdout
  ProgressMode progress = ProgressMode::kAuto;
  std::string log_level = "warn", log_format = "text";
};

struct Options {
  Command command = Command::kMigrateCopy;
  std::string postgres_url;  // "" = not given
  RemoteOptions remote;
  CopyOptions copy;
  std::string migration_id;  // status, cancel, rejects: an id, a prefix of one, or ""
  OutputFormat output = OutputFormat::kTable;
  bool drop = false, yes = false;
  bool verify_file = false;      // verify: no migration, a file and a schema
  bool repair = false;           // verify: carry missing and differing rows again; copy.dry_run: only tell them
  std::string out;               // rejects export
  core::ReplaySelection replay;  // rejects replay
  std::vector<std::string> psql_words;
};

// The command line was answered already: help, version, or a usage error (exit code 2).
struct Answer {
  int exit_code = 0;
  std::string text;  // to stdout for exit code 0, else to stderr
};

// `words` without the program's name.
std::variant<Options, Answer> ParseCommandLine(const std::vector<std::string>& words);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_OPTIONS_H_
