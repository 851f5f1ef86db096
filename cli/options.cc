#include "cli/options.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/copy_options.h"
#include "cli/option_values.h"
#include "cli/verify_options.h"
#include "common/base/status_macros.h"
#include "common/flags/arguments.h"
#include "common/flags/values.h"

namespace vecferry::cli {
namespace {

// One command: its words, what it does, its flags, and how they are understood.
struct Entry {
  std::string group, name, about;
  Command command;
  std::function<void(flags::Arguments&)> declare;
  std::function<absl::Status(const flags::Arguments&, Options&)> read;
};

// What is typed for it; a command of one word has no name beside its group.
std::string Words(const Entry& entry) {
  return entry.name.empty() ? entry.group : absl::StrCat(entry.group, " ", entry.name);
}

void DeclareUrl(flags::Arguments& arguments) {
  arguments.AddText("--postgres-url", "URL", "The destination whose ledger is meant (default: as for migrate copy)");
}

void DeclareOutput(flags::Arguments& arguments) { arguments.AddText("-o", "table|json", "Form of the answer (table)"); }

void DeclareId(flags::Arguments& arguments) {
  arguments.AddWord("ID", "The migration: its id or a unique prefix; without one the only unfinished migration");
}

void DeclareAtCoordinator(flags::Arguments& arguments) {
  DeclareId(arguments);
  DeclareRemoteFlags(arguments, /*needed=*/true);
}

absl::Status ReadCommon(const flags::Arguments& arguments, Options& options) {
  RETURN_IF_ERROR(ReadRemoteFlags(arguments, options.remote));
  options.postgres_url = arguments.Get("--postgres-url").value_or("");
  options.migration_id = arguments.Get("ID").value_or("");
  options.drop = arguments.Has("--drop");
  options.yes = arguments.Has("--yes");
  if (const std::optional<std::string> output = arguments.Get("-o")) {
    RETURN_IF_ERROR(flags::ParseChoice("-o", *output, {"table", "json"}).status());
    options.output = *output == "json" ? OutputFormat::kJson : OutputFormat::kTable;
  }
  return absl::OkStatus();
}

absl::Status ReadExport(const flags::Arguments& arguments, Options& options) {
  RETURN_IF_ERROR(ReadCommon(arguments, options));
  options.out = arguments.Get("--out").value_or("");
  return options.out.empty() ? absl::InvalidArgumentError("--out is missing; allowed: a new or an empty folder")
                             : absl::OkStatus();
}

absl::Status ReadReplay(const flags::Arguments& arguments, Options& options) {
  RETURN_IF_ERROR(ReadCommon(arguments, options));
  core::ReplaySelection& selection = options.replay;
  selection.table = arguments.Get("--table").value_or("");
  selection.kind = arguments.Get("--kind").value_or("");
  selection.dry_run = arguments.Has("--dry-run");
  if (const std::optional<std::string> issue = arguments.Get("--issue")) {
    ASSIGN_OR_RETURN(selection.issue,
                     flags::ParseNumber("--issue", *issue, 1, std::numeric_limits<std::int64_t>::max()));
  }
  for (const std::string& text : arguments.GetAll("--set")) {
    ASSIGN_OR_RETURN(core::SetValue set, ParseSetValue("--set", text));
    selection.sets.push_back(std::move(set));
  }
  return absl::OkStatus();
}

void DeclareReplay(flags::Arguments& arguments) {
  DeclareId(arguments);
  DeclareUrl(arguments);
  arguments.AddText("--table", "T", "Only rows of this source table");
  arguments.AddText("--kind", "K", "Only rows rejected for this, such as foreign_key");
  arguments.AddText("--issue", "N", "Only the row of this issue (rejects list)");
  arguments.AddText("--set", "T.C=VALUE", "Mend the rows of source table T: column C as if it held VALUE; NULL is none",
                    /*repeatable=*/true);
  arguments.AddSwitch("--dry-run", "Try everything, change nothing");
}

const std::vector<Entry>& Entries() {
  static const auto* const kEntries = new std::vector<Entry>{
      {"migrate", "copy", "Carry a SQLite store into Postgres; the same command again resumes", Command::kMigrateCopy,
       DeclareCopyFlags, ReadCopyFlags},
      {"migrate", "list", "List the migrations of a destination", Command::kMigrateList,
       [](flags::Arguments& arguments) {
         DeclareUrl(arguments);
         DeclareRemoteFlags(arguments);
         DeclareOutput(arguments);
       },
       ReadCommon},
      {"migrate", "status", "Tell how one migration stands", Command::kMigrateStatus,
       [](flags::Arguments& arguments) {
         DeclareId(arguments);
         DeclareUrl(arguments);
         DeclareRemoteFlags(arguments);
         DeclareOutput(arguments);
       },
       ReadCommon},
      {"migrate", "cancel", "Stop a migration; it stays resumable unless its tables are dropped",
       Command::kMigrateCancel,
       [](flags::Arguments& arguments) {
         DeclareId(arguments);
         DeclareUrl(arguments);
         DeclareRemoteFlags(arguments);
         arguments.AddSwitch("--drop", "Also remove the tables that it made");
         arguments.AddSwitch("--yes", "Do not ask before --drop");
       },
       ReadCommon},
      {"migrate", "watch", "Show a coordinator's migration until it ends; exit with its code", Command::kMigrateWatch,
       DeclareAtCoordinator, ReadCommon},
      {"migrate", "pause", "Stop a coordinator's migration within one commit group", Command::kMigratePause,
       DeclareAtCoordinator, ReadCommon},
      {"migrate", "resume", "Go on with a paused, failed or cancelled one, at a coordinator", Command::kMigrateResume,
       DeclareAtCoordinator, ReadCommon},
      {"verify", "", "Prove again that what a migration carried is there, or compare any file and schema",
       Command::kVerify, DeclareVerifyFlags, ReadVerifyFlags},
      {"rejects", "list", "List the rows that a migration rejected", Command::kRejectsList,
       [](flags::Arguments& arguments) {
         DeclareId(arguments);
         DeclareUrl(arguments);
         DeclareOutput(arguments);
       },
       ReadCommon},
      {"rejects", "export", "Write them into a folder: a table and their raw bytes", Command::kRejectsExport,
       [](flags::Arguments& arguments) {
         DeclareId(arguments);
         DeclareUrl(arguments);
         arguments.AddText("--out", "DIR", "A new or an empty folder (required)");
       },
       ReadExport},
      {"rejects", "replay", "Carry them now, after the cause is mended", Command::kRejectsReplay, DeclareReplay,
       ReadReplay},
      {"ledger", "drop", "Remove the schema vecferry from a destination, when all is done", Command::kLedgerDrop,
       [](flags::Arguments& arguments) {
         DeclareUrl(arguments);
         arguments.AddSwitch("--yes", "Do not ask");
       },
       ReadCommon},
      {"postgres", "start", "Start the private local Postgres, made on first use", Command::kPostgresStart,
       [](flags::Arguments&) {}, ReadCommon},
      {"postgres", "stop", "Stop it; its data stay", Command::kPostgresStop, [](flags::Arguments&) {}, ReadCommon},
      {"postgres", "status", "Tell whether it runs, and where it is", Command::kPostgresStatus,
       [](flags::Arguments&) {}, ReadCommon},
      {"postgres", "url", "Print its address, for any program that uses libpq", Command::kPostgresUrl,
       [](flags::Arguments&) {}, ReadCommon},
      {"postgres", "psql", "Open psql on it; further words go to psql", Command::kPostgresPsql,
       [](flags::Arguments& arguments) { arguments.AddWord("WORDS", "They go to psql as they are"); }, ReadCommon},
      {"postgres", "remove", "Stop it and remove all its data", Command::kPostgresRemove,
       [](flags::Arguments& arguments) { arguments.AddSwitch("--yes", "Do not ask"); }, ReadCommon},
  };
  return *kEntries;
}

std::string Overview() {
  std::string text =
      "vecferry carries SQLite embedding stores into Postgres/pgvector and proves that they arrived.\n\n"
      "  vecferry migrate copy --from sqlite --to postgres --sqlite-path FILE [--postgres-url URL]\n\nCommands:\n";
  for (const Entry& entry : Entries()) {
    const std::string words = Words(entry);
    absl::StrAppend(&text, "  ", words, std::string(18 - words.size(), ' '), entry.about, "\n");
  }
  absl::StrAppend(&text, "  help [COMMAND]    Say more about a command\n  --version         Say the version\n\n",
                  "Exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but rows were rejected or conflicting;\n"
                  "4 verification found a difference; 130 interrupted, resumable.\n");
  return text;
}

Answer UsageError(absl::string_view command, absl::string_view text) {
  return {2, absl::StrCat("vecferry: ", text, " (see: vecferry help", command.empty() ? "" : " ", command, ")\n")};
}

// An Answer about words that name no command.
Answer UnknownCommand(const std::vector<std::string>& words) {
  std::vector<std::string> groups = {"help"}, members;
  bool group_known = false;
  for (const Entry& entry : Entries()) {
    if (std::find(groups.begin(), groups.end(), entry.group) == groups.end()) groups.push_back(entry.group);
    if (entry.group != words[0]) continue;
    group_known = true;
    members.push_back(entry.name);
  }
  if (!group_known) {
    const std::string nearest = flags::Nearest(words[0], groups);
    return UsageError("", absl::StrCat("unknown command '", words[0], "'; ",
                                       nearest.empty() ? absl::StrCat("allowed: ", absl::StrJoin(groups, ", "))
                                                       : absl::StrCat("did you mean ", nearest, "?")));
  }
  const std::string allowed = absl::StrCat("allowed: ", absl::StrJoin(members, ", "));
  if (words.size() == 1 || words[1][0] == '-') {
    return UsageError("", absl::StrCat("'", words[0], "' needs one more word; ", allowed));
  }
  const std::string nearest = flags::Nearest(words[1], members);
  return UsageError("", absl::StrCat("unknown command '", words[0], " ", words[1], "'; ",
                                     nearest.empty() ? allowed : absl::StrCat("did you mean ", nearest, "?")));
}

const Entry* Find(const std::vector<std::string>& words) {
  for (const Entry& entry : Entries()) {
    if (entry.group != words[0]) continue;
    if (entry.name.empty() || (words.size() > 1 && entry.name == words[1])) return &entry;
  }
  return nullptr;
}

Answer Help(const std::vector<std::string>& words) {
  if (words.empty() || words == std::vector<std::string>{"help"}) return {0, Overview()};
  if (const Entry* const entry = Find(words)) {
    flags::Arguments arguments(absl::StrCat("vecferry ", Words(*entry)), entry->about);
    entry->declare(arguments);
    return {0, arguments.Help()};
  }
  std::string members;
  for (const Entry& entry : Entries()) {
    if (words.size() == 1 && entry.group == words[0]) {
      absl::StrAppend(&members, "  ", entry.group, " ", entry.name, ": ", entry.about, "\n");
    }
  }
  return members.empty() ? UnknownCommand(words) : Answer{0, members};
}

}  // namespace

std::variant<Options, Answer> ParseCommandLine(const std::vector<std::string>& words) {
  if (words.empty()) return Answer{2, Overview()};
  if (words[0] == "--version") return Answer{0, absl::StrCat("vecferry ", VECFERRY_VERSION, "\n")};
  if (words[0] == "-h" || words[0] == "--help") return Help({});
  if (words[0] == "help") return Help({words.begin() + 1, words.end()});
  if (words[0].empty() || words[0][0] == '-') {
    const std::string nearest = flags::Nearest(words[0], {"--version", "--help"});
    return UsageError("", absl::StrCat("unknown flag ", words[0], " before the command",
                                       nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")));
  }
  const Entry* const entry = Find(words);
  if (entry == nullptr) {
    if (words.size() == 2 && (words[1] == "--help" || words[1] == "-h")) return Help({words[0]});
    return UnknownCommand(words);
  }
  const std::string name = Words(*entry);
  Options options;
  options.command = entry->command;
  const std::vector<std::string> rest(words.begin() + (entry->name.empty() ? 1 : 2), words.end());
  if (entry->command == Command::kPostgresPsql && rest != std::vector<std::string>{"--help"}) {
    // A leading -- only parts psql's words from ours.
    options.psql_words.assign(rest.begin() + (!rest.empty() && rest[0] == "--" ? 1 : 0), rest.end());
    return options;
  }
  flags::Arguments arguments(absl::StrCat("vecferry ", name), entry->about);
  entry->declare(arguments);
  absl::Status status = arguments.Parse(rest);
  if (status.ok() && arguments.help_asked()) return Answer{0, arguments.Help()};
  if (status.ok()) status = entry->read(arguments, options);
  if (!status.ok()) return UsageError(name, status.message());
  return options;
}

}  // namespace vecferry::cli
