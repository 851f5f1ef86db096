#include "cli/copy_options.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/option_values.h"
#include "cli/report_file.h"
#include "common/base/status_macros.h"
#include "common/core/limits.h"
#include "common/flags/values.h"

namespace vecferry::cli {
namespace {

absl::Status ReadNumber(const flags::Arguments& arguments, absl::string_view flag, std::int64_t low, std::int64_t high,
                        int& number) {
  if (const std::optional<std::string> text = arguments.Get(std::string(flag))) {
    ASSIGN_OR_RETURN(const std::int64_t parsed, flags::ParseNumber(flag, *text, low, high));
    number = static_cast<int>(parsed);
  }
  return absl::OkStatus();
}

absl::Status ReadChoice(const flags::Arguments& arguments, absl::string_view flag,
                        const std::vector<std::string>& allowed, std::string& value) {
  if (const std::optional<std::string> text = arguments.Get(std::string(flag))) {
    ASSIGN_OR_RETURN(value, flags::ParseChoice(flag, *text, allowed));
  }
  return absl::OkStatus();
}

absl::Status Required(const flags::Arguments& arguments, absl::string_view flag, absl::string_view allowed) {
  if (arguments.Has(std::string(flag))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, " is missing; allowed: ", allowed));
}

absl::Status ReadEnds(const flags::Arguments& arguments, Options& options) {
  RETURN_IF_ERROR(Required(arguments, "--from", "sqlite"));
  RETURN_IF_ERROR(Required(arguments, "--to", "postgres"));
  RETURN_IF_ERROR(ReadChoice(arguments, "--from", {"sqlite"}, options.copy.identity.source_kind));
  std::string destination_kind;
  RETURN_IF_ERROR(ReadChoice(arguments, "--to", {"postgres"}, destination_kind));
  RETURN_IF_ERROR(Required(arguments, "--sqlite-path", "the path of a SQLite file"));
  options.copy.identity.source_path = *arguments.Get("--sqlite-path");
  options.postgres_url = arguments.Get("--postgres-url").value_or("");
  return absl::OkStatus();
}

absl::Status ReadReportPaths(const flags::Arguments& arguments, CopyOptions& copy) {
  copy.report_path = arguments.Get("--report").value_or("");
  copy.report_html_path = arguments.Get("--report-html").value_or("");
  const std::string &json = copy.report_path, &html = copy.report_html_path;
  if (json.empty() || html.empty() || (json != html && json != DigestPath(html))) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--report and --report-html cannot both write ",
                                                 json == "-" ? "to stdout (-)" : json,
                                                 "; allowed: one of them, or two files"));
}

absl::Status ReadOutside(const flags::Arguments& arguments, CopyOptions& copy) {
  copy.no_indexes = arguments.Has("--no-indexes");
  copy.no_verify = arguments.Has("--no-verify");
  copy.dry_run = arguments.Has("--dry-run");
  RETURN_IF_ERROR(ReadChoice(arguments, "--verify-level", {core::kVerifyCounts, core::kVerifySample, core::kVerifyFull},
                             copy.verify.level));
  if (arguments.Has("--verify-level") && copy.no_verify) {
    return absl::InvalidArgumentError("--verify-level and --no-verify exclude each other; allowed: one of them");
  }
  return ReadReportFlags(arguments, copy);
}

}  // namespace

absl::Status ReadIdentity(const flags::Arguments& arguments, core::Identity& identity) {
  ASSIGN_OR_RETURN(identity.destination_schema, ParseSchema("--schema", arguments.Get("--schema").value_or("public")));
  identity.profile = "auto";
  RETURN_IF_ERROR(ReadChoice(arguments, "--profile", {"auto", "vestige", "generic"}, identity.profile));
  if (const auto only = arguments.Get("--only")) {
    ASSIGN_OR_RETURN(identity.only, flags::ParseNames("--only", *only));
  }
  if (const auto skip = arguments.Get("--skip")) {
    ASSIGN_OR_RETURN(identity.skip, flags::ParseNames("--skip", *skip));
  }
  for (const std::string& table : identity.only) {
    if (std::find(identity.skip.begin(), identity.skip.end(), table) == identity.skip.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--only and --skip cannot both name the table '", table, "'; allowed: one of them"));
  }
  for (const std::string& column : arguments.GetAll("--vector-column")) {
    ASSIGN_OR_RETURN(std::string parsed, ParseVectorColumn("--vector-column", column));
    identity.vector_columns.push_back(std::move(parsed));
  }
  std::sort(identity.vector_columns.begin(), identity.vector_columns.end());
  identity.vector_columns.erase(std::unique(identity.vector_columns.begin(), identity.vector_columns.end()),
                                identity.vector_columns.end());
  RETURN_IF_ERROR(ReadChoice(arguments, "--on-conflict", {"skip", "update", "fail"}, identity.on_conflict));
  if (const auto size = arguments.Get("--max-row-bytes")) {
    ASSIGN_OR_RETURN(identity.max_row_bytes, flags::ParseSize("--max-row-bytes", *size, 1, core::kRowBytesMax));
  }
  identity.allow_model_mismatch = arguments.Has("--allow-model-mismatch");
  return absl::OkStatus();
}

absl::Status ReadTuning(const flags::Arguments& arguments, CopyOptions& copy) {
  RETURN_IF_ERROR(ReadNumber(arguments, "--batch-size", 1, core::kBatchRowsMax, copy.batch_rows_max));
  RETURN_IF_ERROR(ReadNumber(arguments, "--max-connections", core::kLedgerConnections + 1, core::kConnectionsMax,
                             copy.connections_max));
  RETURN_IF_ERROR(ReadNumber(arguments, "--readers", 1, core::kStreamsMax, copy.readers));
  RETURN_IF_ERROR(ReadNumber(arguments, "--writers", 1, core::kStreamsMax, copy.writers));
  if (copy.writers > copy.connections_max - core::kLedgerConnections) {
    return absl::InvalidArgumentError(absl::StrCat("--writers: ", copy.writers, " do not fit into --max-connections ",
                                                   copy.connections_max, ", of which the ledger takes ",
                                                   core::kLedgerConnections, "; allowed: at most ",
                                                   copy.connections_max - core::kLedgerConnections));
  }
  if (const auto rejects = arguments.Get("--max-rejects")) {
    ASSIGN_OR_RETURN(copy.rejects_max, flags::ParseNumber("--max-rejects", *rejects, 0, core::kRejectsMax));
  }
  RETURN_IF_ERROR(ReadChoice(arguments, "--on-source-change", {"reconcile", "fail"}, copy.on_source_change));
  std::string snapshot = "auto";
  RETURN_IF_ERROR(ReadChoice(arguments, "--snapshot", {"auto", "direct", "copy"}, snapshot));
  copy.snapshot = snapshot == "direct" ? sqlite::SnapshotMode::kDirect
                  : snapshot == "copy" ? sqlite::SnapshotMode::kCopy
                                       : sqlite::SnapshotMode::kAuto;
  copy.scratch_dir = arguments.Get("--scratch-dir").value_or("");
  return absl::OkStatus();
}

absl::Status ReadReportFlags(const flags::Arguments& arguments, CopyOptions& copy) {
  RETURN_IF_ERROR(ReadReportPaths(arguments, copy));
  std::string progress = "auto";
  RETURN_IF_ERROR(ReadChoice(arguments, "--progress", {"auto", "bar", "plain", "json", "none"}, progress));
  copy.progress = progress == "bar"     ? ProgressMode::kBar
                  : progress == "plain" ? ProgressMode::kPlain
                  : progress == "json"  ? ProgressMode::kJson
                  : progress == "none"  ? ProgressMode::kNone
                                        : ProgressMode::kAuto;
  RETURN_IF_ERROR(ReadChoice(arguments, "--log-level", {"debug", "info", "warn", "error", "off"}, copy.log_level));
  return ReadChoice(arguments, "--log-format", {"text", "json"}, copy.log_format);
}

void DeclareReportFlags(flags::Arguments& arguments) {
  arguments.AddText("--report", "FILE", "JSON report; - = stdout, the summary then goes to stderr");
  arguments.AddText("--report-html", "FILE",
                    "The same as a page to read, print and sign, with its digest in FILE.sha256; - = stdout");
  arguments.AddText("--progress", "auto|bar|plain|json|none", "On stderr (auto: bars on a terminal)");
  arguments.AddText("--log-level", "LEVEL", "debug, info, warn, error or off; on stderr (warn)");
  arguments.AddText("--log-format", "text|json", "Form of the logs (text)");
}

void DeclareCopyFlags(flags::Arguments& arguments) {
  arguments.AddText("--from", "sqlite", "Kind of the source (required)");
  arguments.AddText("--to", "postgres", "Kind of the destination (required)");
  arguments.AddText("--sqlite-path", "FILE", "The source; opened read-only (required)");
  arguments.AddText("--postgres-url", "URL",
                    "The destination: a libpq URL or key=value text. Default: VECFERRY_POSTGRES_URL, else libpq's own "
                    "environment (PGHOST ...), else the private local server");
  arguments.AddText("--schema", "NAME", "Destination schema, made if absent (public)");
  arguments.AddText("--profile", "auto|vestige|generic", "Kind of store (auto: recognised)");
  arguments.AddText("--only", "TABLE,...", "Carry these source tables only");
  arguments.AddText("--skip", "TABLE,...", "Leave these source tables out");
  arguments.AddText("--vector-column", "TABLE.COLUMN:DIM", "This BLOB or JSON column is a vector; repeatable", true);
  arguments.AddText("--on-conflict", "skip|update|fail",
                    "A key that is there with other content: keep the destination's row, take the source's, or stop "
                    "(skip)");
  arguments.AddText("--batch-size", "N", "Rows in one batch at most; a batch also closes at 1 MiB (500)");
  arguments.AddText("--max-connections", "N", "Connections to the destination at most, 3 to 64 (4)");
  arguments.AddText("--readers", "N", "Reader streams (from cores and connections)");
  arguments.AddText("--writers", "N", "Writer streams (from cores and connections)");
  arguments.AddText("--max-rejects", "N", "More rejected rows than this stop the migration, resumable (1000)");
  arguments.AddText("--max-row-bytes", "SIZE", "A larger row is rejected; at most 1 GiB - 1 MiB (64MiB)");
  arguments.AddSwitch("--allow-model-mismatch", "Go on although the destination has another embedding model");
  arguments.AddText("--on-source-change", "reconcile|fail",
                    "When a resumed migration finds another source state (reconcile)");
  arguments.AddText("--snapshot", "auto|direct|copy", "Read the file itself or a copy of it (auto)");
  arguments.AddText("--scratch-dir", "DIR", "Where such a copy is made ($TMPDIR)");
  arguments.AddSwitch("--no-indexes", "Make keys, but no secondary and vector indexes");
  arguments.AddText("--verify-level", "counts|sample|full",
                    "What is checked at the end: numbers of rows; also tables, indexes and all values of some rows; of "
                    "all rows, and recall (full)");
  arguments.AddSwitch("--no-verify", "Check nothing at the end; state COPIED");
  arguments.AddSwitch("--dry-run", "Say the whole plan; write nothing anywhere, start nothing");
  DeclareRemoteFlags(arguments);
  DeclareReportFlags(arguments);
}

absl::Status ReadCopyFlags(const flags::Arguments& arguments, Options& options) {
  RETURN_IF_ERROR(ReadRemoteFlags(arguments, options.remote));
  RETURN_IF_ERROR(ReadEnds(arguments, options));
  RETURN_IF_ERROR(ReadIdentity(arguments, options.copy.identity));
  RETURN_IF_ERROR(ReadTuning(arguments, options.copy));
  return ReadOutside(arguments, options.copy);
}

}  // namespace vecferry::cli
