#include "cli/rejects_text.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/text_format.h"

namespace vecferry::cli {
namespace {

using Json = nlohmann::ordered_json;
using core::SanitizeText;

std::string Text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::int64_t Sum(const KindCounts& by_kind) {
  std::int64_t sum = 0;
  for (const auto& [kind, rows] : by_kind) sum += rows;
  return sum;
}

std::string Kinds(const KindCounts& by_kind) {
  std::string text;
  for (const auto& [kind, rows] : by_kind) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", SanitizeText(kind), " ", GroupDigits(rows));
  }
  return text;
}

std::string Rows(std::int64_t rows) { return absl::StrCat(GroupDigits(rows), rows == 1 ? " row" : " rows"); }

}  // namespace

std::string CanBeReplayed(const postgres::Reject& reject) {
  if (postgres::HoldsRow(reject.raw_format)) return "yes";
  if (reject.kind == "too_large") return "no: needs a higher --max-row-bytes and a new run";
  return "no: the row itself was not kept";
}

std::string FormatRejects(const std::vector<postgres::Reject>& shown, const KindCounts& by_kind) {
  if (by_kind.empty()) return "no row is rejected\n";
  std::vector<std::vector<std::string>> rows = {{"issue", "table", "key", "column", "kind", "replay", "reason"}};
  for (const postgres::Reject& reject : shown) {
    rows.push_back({absl::StrCat(reject.id), SanitizeText(reject.source_table), SanitizeText(reject.source_key),
                    SanitizeText(reject.column), SanitizeText(reject.kind), CanBeReplayed(reject),
                    SanitizeText(reject.reason)});
  }
  std::string text = FormatTable(rows, rows[0].size(), "");
  const std::int64_t more = Sum(by_kind) - static_cast<std::int64_t>(shown.size());
  if (more > 0) absl::StrAppend(&text, "+", GroupDigits(more), " more: -o json or rejects export tell all of them\n");
  absl::StrAppend(&text, "\n", Rows(Sum(by_kind)), " rejected: ", Kinds(by_kind), "\n");
  return text;
}

std::string RejectJson(const postgres::Reject& reject) {
  Json key = Json::parse(reject.source_key, nullptr, /*allow_exceptions=*/false);
  return Text({{"issue", reject.id},
               {"table", reject.source_table},
               {"key", key.is_discarded() ? Json(reject.source_key) : key},
               {"rowid", reject.source_rowid ? Json(*reject.source_rowid) : Json(nullptr)},
               {"destination", reject.destination_table},
               {"column", reject.column.empty() ? Json(nullptr) : Json(reject.column)},
               {"kind", reject.kind},
               {"reason", reject.reason},
               {"can_be_replayed", postgres::HoldsRow(reject.raw_format)}});
}

std::string KindsJson(const KindCounts& by_kind) { return Text(Json(by_kind)); }

std::string CsvRecord(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    const bool quoted = fields[i].find_first_of(",\"\r\n") != std::string::npos;
    absl::StrAppend(&line, quoted ? "\"" : "", absl::StrReplaceAll(fields[i], {{"\"", "\"\""}}), quoted ? "\"" : "");
  }
  return line + "\r\n";
}

std::string FormatReplay(const core::ReplayOutcome& outcome, const std::string& migration_id, bool dry_run) {
  std::string text;
  for (const core::IssueReport& issue : outcome.issues) {
    absl::StrAppend(&text, "  ", SanitizeText(issue.table), issue.column.empty() ? "" : ".", SanitizeText(issue.column),
                    " ", SanitizeText(issue.key), ": ", SanitizeText(issue.kind), ", ", SanitizeText(issue.reason),
                    "\n");
  }
  const std::int64_t rejected = Sum(outcome.rejected);
  const std::int64_t more = rejected - static_cast<std::int64_t>(outcome.issues.size());
  if (more > 0) absl::StrAppend(&text, "  +", GroupDigits(more), " more: vecferry rejects list ", migration_id, "\n");
  if (outcome.carried == 0 && outcome.present == 0 && rejected == 0) {
    absl::StrAppend(&text, "no rejected row was selected; those that there are: vecferry rejects list ", migration_id,
                    "\n");
  }
  absl::StrAppend(&text,
                  dry_run ? "dry run, nothing was changed; would be carried: " : "carried: ", Rows(outcome.carried),
                  "; already there: ", Rows(outcome.present), "; still rejected: ", Rows(rejected));
  if (rejected > 0) absl::StrAppend(&text, " (", Kinds(outcome.rejected), ")");
  return text + "\n";
}

}  // namespace vecferry::cli
