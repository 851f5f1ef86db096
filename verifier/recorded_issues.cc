#include "verifier/recorded_issues.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/record.h"
#include "common/core/replay.h"
#include "verifier/comparison.h"
#include "verifier/expected_rows.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;
using core::ValueView;

constexpr absl::string_view kTooLarge = "too_large";  // not kept: the ledger has sizes and a hash instead

// An issue as a row: these columns, the first four being its key.
const std::vector<ComparedColumn>& IssueColumns() {
  static const std::vector<ComparedColumn> columns = {{"source_key_record", {core::PgKind::kBytea}},
                                                      {"column_name", {core::PgKind::kText}},
                                                      {"kind", {core::PgKind::kText}},
                                                      {"action", {core::PgKind::kText}},
                                                      {"raw_format", {core::PgKind::kText}},
                                                      {"raw", {core::PgKind::kBytea}},
                                                      {"mapping", {core::PgKind::kInt4}}};
  return columns;
}
constexpr int kKeyRecord = 0, kColumn = 1, kKind = 2, kAction = 3, kMapping = 6;

std::string FourBytes(int number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

// A repaired value as it was: texts and blobs their bytes, numbers in decimal, 17 digits for reals.
void AddRaw(const ValueView& value, RowImage& issue) {
  switch (value.storage) {
    case StorageClass::kNull: issue.Add(""), issue.Add(""); return;
    case StorageClass::kInteger: issue.Add("integer"), issue.Add(absl::StrCat(value.integer)); return;
    case StorageClass::kReal: issue.Add("real"), issue.Add(absl::StrFormat("%.17g", value.real)); return;
    case StorageClass::kText: issue.Add("text"), issue.Add(value.bytes); return;
    case StorageClass::kBlob: issue.Add("blob"), issue.Add(value.bytes); return;
  }
}

class Expected {
 public:
  Expected(sqlite::SnapshotConnection& source, const core::Plan& plan, const ComparedTable& table,
           const RefusedByMapping& refused)
      : source_(source), plan_(plan), table_(table), refused_(refused) {}

  absl::Status Scan(const RowTaker& take) {
    return ForEachRuledRow(source_, plan_, table_, [&](const RuledRow& row) -> absl::Status {
      if (row.told_elsewhere) return absl::OkStatus();
      if (row.ruling.carried && row.ruling.repairs.empty()) return absl::OkStatus();
      const std::string key = core::EncodeRecord(row.source.key);
      const auto& refused = refused_.at(row.mapping.id);
      const auto found = refused.find(key);
      // Other values ask for other repairs.
      if (found != refused.end() && found->second.action == kReplayed) return absl::OkStatus();
      if (!row.ruling.carried) return TakeRejection(row, key, take);
      // A row that Postgres refused was repaired for nothing.
      if (found != refused.end() && !found->second.by_conversion) return absl::OkStatus();
      for (const ExpectedRepair& repair : row.ruling.repairs) RETURN_IF_ERROR(TakeRepair(row, key, repair, take));
      return absl::OkStatus();
    });
  }

 private:
  absl::Status TakeRejection(const RuledRow& row, const std::string& key, const RowTaker& take) {
    Begin(key, "", row.ruling.kind, "rejected");
    if (row.ruling.kind == kTooLarge) {
      issue_.Add(""), issue_.Add("");
    } else {
      issue_.Add("sqlite-record"), issue_.Add(core::EncodeRecord(row.source.inputs));
    }
    return End(row, take);
  }

  absl::Status TakeRepair(const RuledRow& row, const std::string& key, const ExpectedRepair& repair,
                          const RowTaker& take) {
    const auto input = static_cast<std::size_t>(repair.input);
    Begin(key, core::SanitizeText(row.mapping.inputs[input].source_column), repair.kind, "repaired");
    AddRaw(row.source.inputs[input], issue_);
    return End(row, take);
  }

  void Begin(const std::string& key, const std::string& column, absl::string_view kind, absl::string_view action) {
    issue_.Clear();
    issue_.Add(key), issue_.Add(column), issue_.Add(kind), issue_.Add(action);
  }

  absl::Status End(const RuledRow& row, const RowTaker& take) {
    issue_.Add(FourBytes(row.mapping.id));
    return take(issue_);
  }

  sqlite::SnapshotConnection& source_;
  const core::Plan& plan_;
  const ComparedTable& table_;
  const RefusedByMapping& refused_;
  RowImage issue_;
};

// What the ledger has for the table's mappings, in the same form.
std::string RecordedSql(const std::string& migration_id, const ComparedTable& table) {
  const std::string mappings = absl::StrJoin(
      table.fillings, ", ", [](std::string* out, const Filling& f) { absl::StrAppend(out, f.mapping->id); });
  const std::string too_large = absl::StrCat("i.kind = '", kTooLarge, "' AND i.action = 'rejected'");
  return absl::StrCat(
      "(SELECT i.source_key_record, CASE WHEN i.action = 'rejected' THEN '' ELSE i.column_name END AS column_name, "
      "i.kind, i.action, CASE WHEN ",
      too_large, " THEN '' ELSE i.raw_format END AS raw_format, CASE WHEN ", too_large,
      " THEN '' ELSE coalesce(i.raw, (SELECT string_agg(p.bytes, '' ORDER BY p.part) FROM vecferry.row_issue_raw_part "
      "p "
      "WHERE p.issue_id = i.id), '') END AS raw, s.mapping FROM vecferry.row_issue i JOIN vecferry.shard s USING "
      "(migration_id, shard) WHERE i.migration_id = '",
      migration_id, "' AND s.mapping IN (", mappings,
      ") AND (i.action = 'repaired' AND NOT EXISTS (SELECT FROM vecferry.row_issue o JOIN vecferry.shard os USING "
      "(migration_id, shard) WHERE o.migration_id = i.migration_id AND os.mapping = s.mapping AND o.source_key_record "
      "= i.source_key_record AND (o.action = 'skipped' OR o.action = 'replayed' AND pg_catalog.strpos(o.reason, ",
      core::QuoteLiteral(core::kCarriedWithAnother),
      ") > 0 OR o.action = 'rejected' AND (o.raw_format = 'copy-tuple' OR o.kind = 'foreign_key'))) OR i.action = "
      "'rejected' AND i.raw_format <> 'copy-tuple' AND i.kind NOT IN ('foreign_key', "
      "'waiting', 'conflict'))) AS recorded");
}

core::DifferenceReport Describe(const ComparedTable& table, const DifferentRow& row) {
  const bool in_source = row.kind != RowDifference::kUnexpected;
  const RowImage& issue = in_source ? row.source : row.destination;
  const auto text = [&](int field) { return std::string(issue.field(field).value_or("")); };
  const std::string mapping = text(kMapping);
  core::DifferenceReport difference{table.name, "", text(kColumn), "differing", ""};
  for (const Filling& filling : table.fillings) {
    if (FourBytes(filling.mapping->id) != mapping) continue;
    std::vector<std::string> columns =
        filling.mapping->key.is_rowid ? std::vector<std::string>{"rowid"} : filling.mapping->key.expressions;
    const absl::StatusOr<std::vector<core::Value>> key = core::DecodeRecord(text(kKeyRecord));
    if (!key.ok() || key->size() != columns.size()) continue;
    std::vector<ValueView> views;
    for (const core::Value& value : *key) views.push_back(value.view());
    difference.key = core::SourceKeyJson(columns, views);
    difference.table = core::SanitizeText(filling.mapping->source_table);
  }
  const std::string issue_text = absl::StrCat(text(kAction), " (", text(kKind), ")");
  switch (row.kind) {
    case RowDifference::kMissing:
      difference.detail = absl::StrCat("must be recorded as ", issue_text, ", and is not");
      break;
    case RowDifference::kUnexpected:
      difference.detail = absl::StrCat("recorded as ", issue_text, ", which its values do not call for");
      break;
    case RowDifference::kDiffering:
      difference.detail = absl::StrCat("recorded as ", issue_text, " with other bytes than the source has");
  }
  return difference;
}

}  // namespace

absl::Status CheckRecordedIssues(sqlite::SnapshotConnection& source, postgres::Connection& session,
                                 const std::string& migration_id, const core::Plan& plan, const ComparedTable& table,
                                 const RefusedByMapping& refused, core::Findings& findings) {
  Expected expected(source, plan, table, refused);
  const std::string recorded = RecordedSql(migration_id, table);
  Sides sides;
  sides.key = {kKeyRecord, kColumn, kKind, kAction, kMapping};
  sides.source = [&](const RowTaker& take) { return expected.Scan(take); };
  sides.destination.push_back(
      [&](const RowTaker& take) { return ForEachDestinationRow(session, recorded, IssueColumns(), "", take); });
  ASSIGN_OR_RETURN(const Outcome outcome, Compare(sides));
  for (const DifferentRow& row : outcome.rows) RETURN_IF_ERROR(findings.Tell(Describe(table, row)));
  const std::int64_t wrong = outcome.missing + outcome.unexpected + outcome.differing;
  findings.CountMoreDifferences(wrong - static_cast<std::int64_t>(outcome.rows.size()));
  core::CheckReport check{"issues_recorded", table.name, wrong == 0 ? "pass" : "fail"};
  check.expected = absl::StrCat(outcome.source_rows, " repairs and rejections");
  check.actual = wrong == 0
                     ? absl::StrCat(outcome.destination_rows)
                     : absl::StrCat(outcome.destination_rows, ": ", outcome.missing, " missing, ", outcome.unexpected,
                                    " without cause, ", outcome.differing, " with other bytes");
  check.evidence = "vecferry.issues against the verifier's own rules";
  return findings.Tell(check);
}

}  // namespace vecferry::verifier
