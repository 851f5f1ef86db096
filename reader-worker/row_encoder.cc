#include "reader-worker/row_encoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/core/record.h"
#include "common/core/types.h"

namespace vecferry::reader {
namespace {

using convert::Fidelity;
using convert::Outcome;
using core::Conversion;
using core::ValueView;

std::int64_t RowBytes(absl::Span<const ValueView> values) {
  std::int64_t bytes = 0;
  for (const ValueView& value : values) bytes += 8 + static_cast<std::int64_t>(value.bytes.size());
  return bytes;
}

// A value's bytes as they were, for the ledger.
void KeepRaw(const ValueView& value, core::RowIssue& issue) {
  switch (value.storage) {
    case core::StorageClass::kNull: return;
    case core::StorageClass::kInteger:
      issue.raw = absl::StrCat(value.integer);
      issue.raw_format = "integer";
      return;
    case core::StorageClass::kReal:
      issue.raw = absl::StrFormat("%.17g", value.real);
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

}  // namespace

// One row under way.
struct RowEncoder::Work {
  const SourceRow& row;
  const std::string& key_record;
  std::vector<core::RowIssue>& issues;
  pgcopy::TupleWriter tuple;
  EncodedRow result;
};

RowEncoder::RowEncoder(const core::Mapping& mapping, std::int64_t row_bytes_max)
    : mapping_(mapping),
      row_bytes_max_(row_bytes_max),
      duplicates_(mapping.duplicates.begin(), mapping.duplicates.end()),
      keeps_metadata_(!mapping.columns.empty() && mapping.columns.back().conversion == Conversion::kMetadata) {
  for (const core::Column& column : mapping.columns) {
    is_key_.push_back(std::find(mapping.conflict_key.begin(), mapping.conflict_key.end(), column.name) !=
                      mapping.conflict_key.end());
  }
}

EncodedRow RowEncoder::Encode(const SourceRow& row, const std::string& key_record, std::string& tuples,
                              std::vector<core::RowIssue>& issues) {
  const std::size_t tuple_at = tuples.size();
  const std::size_t issues_at = issues.size();
  Work work{row, key_record, issues, pgcopy::TupleWriter(tuples), {}};
  moved_.Clear();
  Refusal refusal = RefuseUnseen(row, key_record);
  if (refusal.kind.empty()) refusal = EncodeColumns(work);
  if (refusal.kind.empty() && static_cast<std::int64_t>(tuples.size() - tuple_at) > row_bytes_max_) {
    refusal = {"too_large", "",
               absl::StrCat("the row has ", tuples.size() - tuple_at, " bytes at the destination; --max-row-bytes is ",
                            row_bytes_max_)};
  }
  if (refusal.kind.empty()) {
    work.result.carried = true;
    return work.result;
  }
  tuples.resize(tuple_at);
  issues.resize(issues_at);  // repairs of a row that is not carried are no news
  if (mapping_.counted) issues.push_back(MakeRejection(row, key_record, std::move(refusal)));
  return {};
}

RowEncoder::Refusal RowEncoder::RefuseUnseen(const SourceRow& row, const std::string& key_record) const {
  if (const std::int64_t bytes = RowBytes(row.inputs); bytes > row_bytes_max_) {
    return {"too_large", "", absl::StrCat("the row has ", bytes, " bytes; --max-row-bytes is ", row_bytes_max_)};
  }
  if (!duplicates_.empty() && duplicates_.count(key_record) != 0) {
    return {"duplicate_key", "", "an earlier row of the source has the same key at the destination"};
  }
  return {};
}

RowEncoder::Refusal RowEncoder::EncodeColumns(Work& work) {
  work.tuple.BeginTuple(static_cast<int>(mapping_.columns.size()));
  for (const core::Column& column : mapping_.columns) {
    Refusal refusal = EncodeColumn(column, work);
    if (!refusal.kind.empty()) return refusal;
  }
  return {};
}

RowEncoder::Refusal RowEncoder::EncodeColumn(const core::Column& column, Work& work) {
  if (column.conversion == Conversion::kRowHash) {
    work.tuple.BeginField();
    work.tuple.buffer() += core::HashRow(work.row.inputs).ToBytes();
    work.tuple.EndField();
    return {};
  }
  if (column.conversion == Conversion::kMetadata) {
    work.tuple.BeginField();
    convert::ToJsonb(ValueView::Text(moved_.ToJson()), work.tuple.buffer());
    work.tuple.EndField();
    return {};
  }
  const ValueView& value = work.row.inputs[column.input];
  if (column.conversion == Conversion::kMainVector) {
    EncodeMainVector(column, value, work);
    return {};
  }
  if (value.is_null()) return EncodeNull(column, work);
  return column.conversion == Conversion::kNatural ? EncodeNatural(column, value, work) : EncodeId(column, value, work);
}

RowEncoder::Refusal RowEncoder::EncodeNull(const core::Column& column, Work& work) {
  if (column.null_value) {
    work.tuple.BeginField();
    convert::Convert(ValueView::Text(*column.null_value), column.type, work.tuple.buffer());
    work.tuple.EndField();
    return {};
  }
  if (IsKey(column)) return {"null_key", mapping_.inputs[column.input].source_column, "the key is NULL"};
  if (column.not_null) return EncodeFallback(column, "null_value", "NULL, which the column does not take", work);
  work.tuple.Null();
  return {};
}

// Text arrays apart, a conversion by type; elements that are too long move to the metadata.
convert::Outcome RowEncoder::Convert(const core::Column& column, const ValueView& value, Work& work) {
  if (column.type.kind != core::PgKind::kTextArray || column.element_bytes_max == 0) {
    return convert::Convert(value, column.type, work.tuple.buffer());
  }
  std::vector<std::string> moved;
  Outcome outcome = convert::ToTextArray(value, column.element_bytes_max, work.tuple.buffer(), &moved);
  if (moved.empty()) return outcome;
  outcome.fidelity = Fidelity::kRepaired;
  outcome.kind = "too_long";
  outcome.reason = absl::StrCat(moved.size(), " elements over ", column.element_bytes_max,
                                " bytes, which an index cannot hold: moved to metadata");
  moved_.KeepElements(column.name, std::move(moved));
  return outcome;
}

RowEncoder::Refusal RowEncoder::EncodeNatural(const core::Column& column, const ValueView& value, Work& work) {
  work.tuple.BeginField();
  const Outcome outcome = Convert(column, value, work);
  switch (outcome.fidelity) {
    case Fidelity::kRepaired: Repair(column, outcome.kind, outcome.reason, work); break;
    case Fidelity::kRounded: ++work.result.values_rounded; break;
    case Fidelity::kExact: break;
    case Fidelity::kNull:
      work.tuple.AbandonField();
      return EncodeNull(column, work);
    case Fidelity::kUnfit:
      work.tuple.AbandonField();
      if (!IsKey(column)) return EncodeFallback(column, outcome.kind, outcome.reason, work);
      return {outcome.kind, mapping_.inputs[column.input].source_column, outcome.reason};
  }
  work.tuple.EndField();
  return {};
}

RowEncoder::Refusal RowEncoder::EncodeId(const core::Column& column, const ValueView& value, Work& work) {
  work.tuple.BeginField();
  const Outcome outcome = convert::ToId(value, work.tuple.buffer());
  work.tuple.EndField();
  if (outcome.fidelity != Fidelity::kRepaired) return {};
  // A reference with an owner is told where the owner's own id is repaired.
  if (column.conversion == Conversion::kIdReference) return {};
  if (column.conversion == Conversion::kId && keeps_metadata_) moved_.KeepSourceId(value);
  Repair(column, outcome.kind, outcome.reason, work);
  return {};
}

void RowEncoder::EncodeMainVector(const core::Column& column, const ValueView& value, Work& work) {
  work.tuple.BeginField();
  const Outcome outcome = convert::Convert(value, column.type, work.tuple.buffer());
  if (outcome.fidelity == Fidelity::kExact) {
    work.tuple.EndField();
    return;
  }
  work.tuple.AbandonField();
  work.tuple.Null();
}

RowEncoder::Refusal RowEncoder::EncodeFallback(const core::Column& column, absl::string_view kind,
                                               const std::string& reason, Work& work) {
  for (const int input : column.fallback_inputs) {
    const ValueView& other = work.row.inputs[input];
    if (other.is_null()) continue;
    work.tuple.BeginField();
    const Fidelity fidelity = convert::Convert(other, column.type, work.tuple.buffer()).fidelity;
    if (fidelity == Fidelity::kExact || fidelity == Fidelity::kRounded) {
      work.tuple.EndField();
      Repair(column, kind, absl::StrCat(reason, ": took ", mapping_.inputs[input].source_column), work);
      return {};
    }
    work.tuple.AbandonField();
  }
  if (column.fallback) {
    work.tuple.BeginField();
    convert::Convert(ValueView::Text(*column.fallback), column.type, work.tuple.buffer());
    work.tuple.EndField();
    Repair(column, kind, absl::StrCat(reason, ": took '", *column.fallback, "'"), work);
    return {};
  }
  if (column.not_null) return {kind, mapping_.inputs[column.input].source_column, reason};
  work.tuple.Null();
  Repair(column, kind, absl::StrCat(reason, ": took NULL"), work);
  return {};
}

bool RowEncoder::IsKey(const core::Column& column) const { return is_key_[&column - mapping_.columns.data()]; }

void RowEncoder::Repair(const core::Column& column, absl::string_view kind, std::string reason, Work& work) const {
  work.result.repaired = true;
  // The same source value in a second destination row is told where the row is counted.
  if (!mapping_.counted) return;
  core::RowIssue issue = MakeIssue(work.row, work.key_record);
  issue.column = mapping_.inputs[column.input].source_column;
  issue.kind = std::string(kind);
  issue.action = core::IssueAction::kRepaired;
  issue.reason = std::move(reason);
  KeepRaw(work.row.inputs[column.input], issue);
  work.issues.push_back(std::move(issue));
}

std::string RowEncoder::ReportedKey(const SourceRow& row) const {
  if (mapping_.key.reported_inputs.empty()) return "";
  std::vector<ValueView> values;
  for (const int input : mapping_.key.reported_inputs) values.push_back(row.inputs[input]);
  return core::SourceKeyJson(mapping_.key.reported_columns, values);
}

core::RowIssue RowEncoder::MakeIssue(const SourceRow& row, const std::string& key_record) const {
  core::RowIssue issue;
  issue.source_table = mapping_.source_table;
  issue.destination_table = mapping_.destination_table;
  issue.source_key_record = key_record;
  if (mapping_.key.is_rowid) issue.source_rowid = row.key[0].integer;
  issue.source_key = ReportedKey(row);
  if (issue.source_key.empty()) issue.source_key = core::SourceKeyJson({"rowid"}, {row.key[0]});
  return issue;
}

core::RowIssue RowEncoder::MakeRejection(const SourceRow& row, const std::string& key_record, Refusal refusal) const {
  core::RowIssue issue = MakeIssue(row, key_record);
  issue.column = std::move(refusal.column);
  issue.kind = std::string(refusal.kind);
  issue.action = core::IssueAction::kRejected;
  issue.reason = std::move(refusal.reason);
  if (refusal.kind == "too_large") {
    // The row itself would make the ledger as large as the source.
    absl::StrAppend(&issue.reason, "; XXH3-128 of the row: ",
                    absl::BytesToHexString(core::HashRow(row.inputs).ToBytes()));
    return issue;
  }
  issue.raw = core::EncodeRecord(row.inputs);
  issue.raw_format = "sqlite-record";
  return issue;
}

}  // namespace vecferry::reader
