#include "cli/plan_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/text_format.h"
#include "common/core/migration.h"
#include "common/core/types.h"

namespace vecferry::cli {
namespace {

using core::SanitizeText;

// Rates of a server on the same machine with two cores (docs/performance.md); another machine has others.
constexpr double kCopyBytesPerSecond = 100e6;
constexpr double kVectorIndexRowsPerSecond = 1500;  // HNSW, m 16, ef_construction 64, 768 dimensions
constexpr double kOtherStepRowsPerSecond = 500e3;   // a key, a btree index, a count
// A commit group, the queue before it, batches on the way; and the program with its libraries.
constexpr double kStreamBytes = 32e6, kProgramBytes = 60e6;

std::int64_t RowsOf(const core::Plan& plan, const std::string& table) {
  std::int64_t rows = 0;
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.destination_table == table) rows += mapping.rows_estimate;
  }
  return rows;
}

std::string Mappings(const core::Plan& plan) {
  std::vector<std::vector<std::string>> rows = {{"table", "destination", "how", "rows", "size", "shards"}};
  std::int64_t total_rows = 0, total_bytes = 0;
  for (const core::Mapping& mapping : plan.mappings) {
    const auto shards = std::count_if(plan.shards.begin(), plan.shards.end(),
                                      [&](const core::Shard& shard) { return shard.mapping == mapping.id; });
    const char* how = mapping.mode == core::LoadMode::kMerge ? "into the existing table" : "into a new table";
    rows.push_back({SanitizeText(mapping.source_table), SanitizeText(mapping.destination_table),
                    mapping.counted ? how : absl::StrCat(how, ", second rows"), GroupDigits(mapping.rows_estimate),
                    FormatBytes(static_cast<double>(mapping.bytes_estimate)),
                    GroupDigits(static_cast<std::int64_t>(shards))});
    if (mapping.counted) total_rows += mapping.rows_estimate;
    total_bytes += mapping.bytes_estimate;
  }
  rows.push_back({"total", "", "", GroupDigits(total_rows), FormatBytes(static_cast<double>(total_bytes)),
                  GroupDigits(static_cast<std::int64_t>(plan.shards.size()))});
  return absl::StrCat("\nrows (estimates where a count is dear)\n", FormatTable(rows, 3, "  "));
}

std::string Duplicates(const core::Plan& plan) {
  std::string text;
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.duplicates.empty()) continue;
    absl::StrAppend(&text, "  ", SanitizeText(mapping.source_table), ": ",
                    GroupDigits(static_cast<std::int64_t>(mapping.duplicates.size())),
                    " rows have a key that an earlier row has too; they will be rejected (duplicate_key)\n");
  }
  return text.empty() ? "" : absl::StrCat("\nduplicate keys\n", text);
}

std::string Statements(const core::Plan& plan, bool no_indexes) {
  std::string text = "\ndestination, before the load\n";
  for (const std::string& sql : plan.setup_sql) absl::StrAppend(&text, sql, ";\n");
  for (const core::Table& table : plan.tables) {
    absl::StrAppend(&text,
                    table.existed ? absl::StrCat("-- ", SanitizeText(table.name), " exists and stays as it is")
                                  : absl::StrCat(table.create_sql, ";"),
                    "\n");
  }
  for (const std::string& sql : plan.seed_sql) absl::StrAppend(&text, sql, ";\n");
  absl::StrAppend(&text, "\ndestination, after the load\n");
  for (const core::FinishStep& step : plan.steps) {
    if (no_indexes && step.optional) {
      absl::StrAppend(&text, "-- left out by --no-indexes: ", SanitizeText(step.name), "\n");
    } else if (!step.sql.empty()) {
      absl::StrAppend(&text, step.sql, ";\n");
    } else if (step.kind == core::StepKind::kSequence) {
      absl::StrAppend(&text, "-- the sequence of ", SanitizeText(step.table), ".", SanitizeText(step.name),
                      " goes on after ", step.value, "\n");
    } else if (step.kind == core::StepKind::kAnalyze) {
      absl::StrAppend(&text, "ANALYZE ", core::QualifiedName(plan.identity.destination_schema, step.table), ";\n");
    }
  }
  return text;
}

std::string Remarks(const core::Plan& plan) {
  std::string text;
  for (const core::LeftOut& left_out : plan.left_out) {
    absl::StrAppend(&text, text.empty() ? "\nleft out\n" : "", "  ", SanitizeText(left_out.name), ": ",
                    SanitizeText(left_out.reason), "\n");
  }
  for (std::size_t i = 0; i < plan.notes.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "\nnotes\n" : "", "  ", SanitizeText(plan.notes[i]), "\n");
  }
  return text;
}

std::string Scratch(const PlanContext& context) {
  const std::string copy =
      absl::StrCat(FormatBytes(static_cast<double>(context.source_bytes)), " for a copy of the source");
  switch (context.source_copied) {
    case sqlite::CopyTime::kFirst: return copy;
    case sqlite::CopyTime::kOnDemand:
      return absl::StrCat("none: the file itself is read; ", copy, " if something writes to it meanwhile");
    case sqlite::CopyTime::kNever: break;
  }
  return "none: the file itself is read";
}

std::string Estimates(const core::Plan& plan, const PlanContext& context) {
  double bytes = 0;
  for (const core::Mapping& mapping : plan.mappings) bytes += static_cast<double>(mapping.bytes_estimate);
  const double copied = bytes / kCopyBytesPerSecond;
  double finish = 0;
  for (const core::FinishStep& step : plan.steps) {
    if (context.no_indexes && step.optional) continue;
    finish += static_cast<double>(RowsOf(plan, step.table)) /
              (step.vector_index ? kVectorIndexRowsPerSecond : kOtherStepRowsPerSecond);
  }
  const double verify = context.no_verify ? 0 : copied;  // every value is read again (docs/performance.md)
  return absl::StrCat("\nestimates (at ", FormatBytes(kCopyBytesPerSecond), "/s copied, ",
                      GroupDigits(static_cast<std::int64_t>(kVectorIndexRowsPerSecond)), " vectors/s indexed, ",
                      GroupDigits(static_cast<std::int64_t>(kOtherStepRowsPerSecond)),
                      " rows/s for other steps: a local server on two cores)\n", "  time     ",
                      FormatClock(copied + finish + verify), " (copy ", FormatClock(copied), ", finish ",
                      FormatClock(finish), ", verify ", FormatClock(verify), ")\n", "  memory   ",
                      FormatBytes(kProgramBytes + kStreamBytes * context.streams), " with ", context.streams,
                      context.streams == 1 ? " stream" : " streams", ", and the largest row once a stream\n",
                      "  scratch  ", Scratch(context), "\n");
}

}  // namespace

std::string FormatPlan(const core::Plan& plan, const PlanContext& context) {
  std::string text =
      absl::StrCat("source       ", SanitizeText(plan.identity.source_path), " (", plan.profile, ": ",
                   SanitizeText(plan.profile_reason), plan.schema_version.empty() ? "" : "; schema version ",
                   SanitizeText(plan.schema_version), ")\ndestination  ", SanitizeText(context.destination),
                   ", schema ", SanitizeText(plan.identity.destination_schema), "\n");
  if (plan.main_model.has_value()) {
    absl::StrAppend(&text, "model        ", SanitizeText(plan.main_model->name), ", ", plan.main_model->dimension,
                    " dimensions\n");
  }
  if (!context.resumes_migration_id.empty()) {
    absl::StrAppend(&text, "would resume migration ", context.resumes_migration_id, "\n");
  }
  return absl::StrCat(text, Mappings(plan), Duplicates(plan), Statements(plan, context.no_indexes), Remarks(plan),
                      Estimates(plan, context), "\ndry run: nothing was written, nothing was started\n");
}

}  // namespace vecferry::cli
