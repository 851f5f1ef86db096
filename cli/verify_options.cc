#include "cli/verify_options.h"

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/copy_options.h"
#include "common/base/status_macros.h"
#include "common/flags/values.h"
#include "verifier/recall.h"

namespace vecferry::cli {
namespace {

absl::Status ReadShare(const flags::Arguments& arguments, const std::string& flag, double low, double high,
                       double& share) {
  const std::optional<std::string> text = arguments.Get(flag);
  if (!text) return absl::OkStatus();
  if (absl::SimpleAtod(*text, &share) && share >= low && share <= high) return absl::OkStatus();
  return flags::Refuse(flag, *text, absl::StrCat("a number from ", low, " to ", high));
}

absl::Status ReadCount(const flags::Arguments& arguments, const std::string& flag, std::int64_t high, int& count) {
  const std::optional<std::string> text = arguments.Get(flag);
  if (!text) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::int64_t number, flags::ParseNumber(flag, *text, 0, high));
  count = static_cast<int>(number);
  return absl::OkStatus();
}

void DeclareVerificationFlags(flags::Arguments& arguments) {
  arguments.AddText("--verify-level", "counts|sample|full",
                    "counts: numbers of rows; sample: also tables, indexes and all values of some rows; full: of all "
                    "rows, and recall (full)");
  arguments.AddText("--recall-queries", "N",
                    "Vectors to measure recall and latency with, of each column; 0 = none (50, of large tables 10)");
  arguments.AddText("--min-recall", "SHARE",
                    "Least share of right answers by index, 0 to 1 (0: what an index may lose is the application's "
                    "choice)");
  arguments.AddText("--queries", "FILE", "Vectors to ask for beside those: a JSON array of arrays, or fvecs");
  arguments.AddText("--slice", "TABLE.COLUMN",
                    "Measure recall also for each of the 10 commonest values of this column of the destination; "
                    "repeatable",
                    true);
  arguments.AddText("--embedder", "URL",
                    "An OpenAI-compatible embeddings endpoint: some texts are embedded again and compared");
  arguments.AddText("--embedder-model", "NAME", "The model's name there (the store's own name for it)");
  arguments.AddText("--embedder-prefix", "TEXT", "Goes before each text, such as 'search_document: '");
  arguments.AddText("--embedder-texts", "N", "How many texts (20)");
  arguments.AddText("--min-cosine", "COSINE", "Least cosine between a stored vector and that of its text (0.99)");
}

absl::Status ReadVerificationFlags(const flags::Arguments& arguments, core::VerifyOptions& verify) {
  if (const auto level = arguments.Get("--verify-level")) {
    ASSIGN_OR_RETURN(verify.level, flags::ParseChoice("--verify-level", *level,
                                                      {core::kVerifyCounts, core::kVerifySample, core::kVerifyFull}));
  }
  RETURN_IF_ERROR(ReadCount(arguments, "--recall-queries", 10'000, verify.recall_queries));
  RETURN_IF_ERROR(ReadShare(arguments, "--min-recall", 0, 1, verify.recall_index_min));
  RETURN_IF_ERROR(ReadCount(arguments, "--embedder-texts", 10'000, verify.embedder_texts));
  RETURN_IF_ERROR(ReadShare(arguments, "--min-cosine", -1, 1, verify.embedder_cosine_min));
  if (const auto path = arguments.Get("--queries")) {
    absl::StatusOr<std::vector<std::vector<float>>> queries = verifier::ReadQueries(*path);
    if (!queries.ok()) return absl::InvalidArgumentError(absl::StrCat("--queries: ", queries.status().message()));
    verify.queries = *std::move(queries);
  }
  verify.recall_slices = arguments.GetAll("--slice");
  if (!verify.recall_slices.empty() && (verify.level != core::kVerifyFull || verify.recall_queries == 0)) {
    return absl::InvalidArgumentError(
        "--slice needs --verify-level full and --recall-queries above 0: else no recall is measured");
  }
  verify.embedder_url = arguments.Get("--embedder").value_or("");
  verify.embedder_model = arguments.Get("--embedder-model").value_or("");
  verify.embedder_prefix = arguments.Get("--embedder-prefix").value_or("");
  return absl::OkStatus();
}

}  // namespace

void DeclareVerifyFlags(flags::Arguments& arguments) {
  arguments.AddWord("ID", "The migration: its id or a unique prefix; without one the only one that has ended");
  arguments.AddText("--from", "sqlite", "Compare a file with a schema, whoever copied it: no ID then");
  arguments.AddText("--sqlite-path", "FILE", "The source (with an ID: where it is now)");
  arguments.AddText("--postgres-url", "URL", "The destination (default: as for migrate copy)");
  arguments.AddText("--schema", "NAME", "Destination schema, with --from (public)");
  arguments.AddText("--profile", "auto|vestige|generic", "Kind of store, with --from (auto: recognised)");
  arguments.AddText("--only", "TABLE,...", "These source tables only, with --from");
  arguments.AddText("--skip", "TABLE,...", "All but these, with --from");
  arguments.AddText("--vector-column", "TABLE.COLUMN:DIM", "This column is a vector, with --from; repeatable", true);
  DeclareVerificationFlags(arguments);
  arguments.AddSwitch("--repair",
                      "Carry missing and differing rows again, then verify again; the destination's are lost");
  arguments.AddSwitch("--dry-run", "With --repair: only tell which rows it would carry");
  arguments.AddText("--max-connections", "N", "Connections to the destination at most, 3 to 64 (4)");
  arguments.AddText("--snapshot", "auto|direct|copy", "Read the file itself or a copy of it (auto)");
  arguments.AddText("--scratch-dir", "DIR", "Where such a copy is made ($TMPDIR)");
  arguments.AddText("-o", "table|json", "Form of the answer (table)");
  DeclareReportFlags(arguments);
}

absl::Status ReadVerifyFlags(const flags::Arguments& arguments, Options& options) {
  CopyOptions& copy = options.copy;
  for (const char* flag : {"--schema", "--profile", "--only", "--skip", "--vector-column"}) {
    if (arguments.Has(flag) && !arguments.Has("--from")) {
      return absl::InvalidArgumentError(absl::StrCat(flag, " needs --from: a migration's own plan says it"));
    }
  }
  if (arguments.Has("--from") && arguments.Has("ID")) {
    return absl::InvalidArgumentError("an ID and --from exclude each other; allowed: one of them");
  }
  if (arguments.Has("--from") && !arguments.Has("--sqlite-path")) {
    return absl::InvalidArgumentError("--sqlite-path is missing; allowed: the path of a SQLite file");
  }
  if (arguments.Has("--dry-run") && !arguments.Has("--repair")) {
    return absl::InvalidArgumentError("--dry-run needs --repair: without it nothing is written anyway");
  }
  if (arguments.Has("--repair") && arguments.Get("--verify-level").value_or(core::kVerifyFull) != core::kVerifyFull) {
    return absl::InvalidArgumentError(
        "--repair and --verify-level below full exclude each other: only a full comparison knows every row");
  }
  options.repair = arguments.Has("--repair");
  copy.dry_run = arguments.Has("--dry-run");
  options.verify_file = arguments.Has("--from");
  options.migration_id = arguments.Get("ID").value_or("");
  options.postgres_url = arguments.Get("--postgres-url").value_or("");
  copy.identity.source_path = arguments.Get("--sqlite-path").value_or("");
  if (const auto from = arguments.Get("--from")) {
    RETURN_IF_ERROR(flags::ParseChoice("--from", *from, {"sqlite"}).status());
  }
  if (const auto output = arguments.Get("-o")) {
    RETURN_IF_ERROR(flags::ParseChoice("-o", *output, {"table", "json"}).status());
    options.output = *output == "json" ? OutputFormat::kJson : OutputFormat::kTable;
  }
  RETURN_IF_ERROR(ReadIdentity(arguments, copy.identity));
  RETURN_IF_ERROR(ReadTuning(arguments, copy));
  RETURN_IF_ERROR(ReadVerificationFlags(arguments, copy.verify));
  RETURN_IF_ERROR(ReadReportFlags(arguments, copy));
  if (options.output == OutputFormat::kJson && copy.report_path.empty()) copy.report_path.assign(1, '-');
  return absl::OkStatus();
}

}  // namespace vecferry::cli
