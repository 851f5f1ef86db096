#include "common/rows/row_issue.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/core/record.h"

namespace vecferry::rows {
namespace {

void KeepRaw(const core::ValueView& value, core::RowIssue& issue) {
  switch (value.storage) {
    case core::StorageClass::kNull: return;
    case core::StorageClass::kInteger:
      issue.raw = absl::StrCat(value.integer);
      issue.raw_format = "integer";
      return;
    case core::StorageClass::kReal:
      issue.raw = absl::StrFormat("%.17g", value.real);  // 17 digits read back as the same bits
      issue.raw_format = "real";
      return;
    case core::StorageClass::kText:
      issue.raw = std::string(value.bytes);
      issue.raw_format = "text";
      return;
    case core::StorageClass::kBlob:
      issue.raw = std::string(value.bytes);
      issue.raw_format = "blob";
      return;
  }
}

// "content: 70000000 bytes, id: 36 bytes; XXH3-128 ..." instead of a row that would make the ledger as large as the
// source.
std::string SizesAndHash(const core::Mapping& mapping, const SourceRow& row) {
  std::string text;
  for (std::size_t i = 0; i < row.inputs.size(); ++i) {
    if (row.inputs[i].bytes.empty() || mapping.inputs[i].source_column.empty()) continue;
    absl::StrAppend(&text, core::SanitizeText(mapping.inputs[i].source_column), ": ", row.inputs[i].bytes.size(),
                    " bytes, ");
  }
  return absl::StrCat(text, "XXH3-128 ", absl::BytesToHexString(row.hash.ToBytes()));
}

core::RowIssue MakeIssue(const core::Mapping& mapping, const SourceRow& row, const std::string& key_record) {
  core::RowIssue issue;
  issue.source_table = mapping.source_table;
  issue.destination_table = mapping.destination_table;
  issue.source_key_record = key_record;
  if (mapping.key.is_rowid) issue.source_rowid = row.key[0].integer;
  issue.source_key = ReportedKey(mapping, row);
  if (issue.source_key.empty()) issue.source_key = core::SourceKeyJson({"rowid"}, row.key.subspan(0, 1));
  return issue;
}

}  // namespace

std::string ReportedKey(const core::Mapping& mapping, const SourceRow& row) {
  if (mapping.key.reported_inputs.empty()) return "";
  std::vector<core::ValueView> values;
  values.reserve(mapping.key.reported_inputs.size());
  for (const int input : mapping.key.reported_inputs) values.push_back(row.inputs[static_cast<std::size_t>(input)]);
  return core::SourceKeyJson(mapping.key.reported_columns, values);
}

core::RowIssue MakeRepair(const core::Mapping& mapping, const core::Column& column, const SourceRow& row,
                          const std::string& key_record, absl::string_view kind, std::string reason) {
  core::RowIssue issue = MakeIssue(mapping, row, key_record);
  const auto input = static_cast<std::size_t>(column.input);
  issue.column = mapping.inputs[input].source_column;
  issue.kind = std::string(kind);
  issue.action = core::IssueAction::kRepaired;
  issue.reason = core::SanitizeText(reason);
  KeepRaw(row.inputs[input], issue);
  return issue;
}

core::RowIssue MakeRejection(const core::Mapping& mapping, const std::string& source_column, const SourceRow& row,
                             const std::string& key_record, absl::string_view kind, std::string reason) {
  core::RowIssue issue = MakeIssue(mapping, row, key_record);
  issue.column = source_column;
  issue.kind = std::string(kind);
  issue.action = core::IssueAction::kRejected;
  issue.reason = core::SanitizeText(reason);
  if (kind == kTooLarge) {
    issue.raw = SizesAndHash(mapping, row);
    issue.raw_format = "text";
  } else {
    issue.raw = core::EncodeRecord(row.inputs);
    issue.raw_format = "sqlite-record";
  }
  return issue;
}

}  // namespace vecferry::rows
