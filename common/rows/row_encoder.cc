#include "common/rows/row_encoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/core/types.h"
#include "common/rows/row_issue.h"

namespace vecferry::rows {
namespace {

using convert::Fidelity;
using convert::Outcome;
using core::Conversion;
using core::ValueView;

// A field of COPY BINARY has a signed 32-bit length, and a value in Postgres ends at 1 GiB.
constexpr std::size_t kTupleBytesMax = (1u << 30) - (1u << 20);

std::optional<std::string> WireOf(const std::optional<std::string>& text, const core::PgType& type) {
  if (!text) return std::nullopt;
  std::string wire;
  const Fidelity fidelity = convert::Convert(ValueView::Text(*text), type, wire).fidelity;
  if (fidelity == Fidelity::kUnfit || fidelity == Fidelity::kNull) return std::nullopt;
  return wire;
}

void AppendField(const std::string& wire, pgcopy::TupleWriter& tuple) {
  tuple.BeginField();
  tuple.buffer() += wire;
  tuple.EndField();
}

bool IsId(Conversion conversion) {
  return conversion == Conversion::kId || conversion == Conversion::kIdReference ||
         conversion == Conversion::kIdMention;
}

}  // namespace

// One row under way.
struct RowEncoder::Work {
  const SourceRow& row;
  const std::string& key_record;
  std::vector<core::RowIssue>& issues;
  const std::size_t issues_before;
  pgcopy::TupleWriter tuple;
  EncodedRow result;
  std::int64_t key_bytes = 0;
};

RowEncoder::RowEncoder(const core::Mapping& mapping, std::int64_t row_bytes_max)
    : mapping_(mapping),
      row_bytes_max_(row_bytes_max),
      duplicates_(mapping.duplicates.begin(), mapping.duplicates.end()),
      keeps_metadata_(!mapping.columns.empty() && mapping.columns.back().conversion == Conversion::kMetadata) {
  for (const core::Column& column : mapping.columns) {
    const bool is_key =
        std::find(mapping.conflict_key.begin(), mapping.conflict_key.end(), column.name) != mapping.conflict_key.end();
    columns_.push_back({column, is_key, /*may_reject=*/column.input >= 0 && (is_key || column.not_null),
                        WireOf(column.fallback, column.type), WireOf(column.null_value, column.type)});
  }
}

EncodedRow RowEncoder::Encode(const SourceRow& row, const std::string& key_record, std::string& tuples,
                              std::vector<core::RowIssue>& issues) {
  const std::size_t tuple_at = tuples.size();
  const std::size_t issues_at = issues.size();
  Work work{row, key_record, issues, issues_at, pgcopy::TupleWriter(tuples), {}};
  moved_.Clear();
  Refusal refusal = RefuseUnseen(row, key_record);
  if (refusal.kind.empty()) work.tuple.BeginTuple(static_cast<int>(columns_.size()));
  for (std::size_t i = 0; i < columns_.size() && refusal.kind.empty(); ++i)
    refusal = EncodeWithinKey(columns_[i], work);
  if (refusal.kind.empty() && tuples.size() - tuple_at > kTupleBytesMax) {
    refusal = {kTooLarge, "", absl::StrCat("the row has ", tuples.size() - tuple_at, " bytes at the destination")};
  }
  if (refusal.kind.empty()) {
    work.result.carried = true;
    return work.result;
  }
  tuples.resize(tuple_at);
  issues.erase(issues.begin() + static_cast<std::ptrdiff_t>(issues_at), issues.end());  // repairs that did not happen
  issues.push_back(MakeRejection(mapping_, refusal.column, row, key_record, refusal.kind, std::move(refusal.reason)));
  return {};
}

bool RowEncoder::Rejects(const SourceRow& row, const std::string& key_record) {
  if (!RefuseUnseen(row, key_record).kind.empty()) return true;
  unused_tuple_.clear();
  unused_issues_.clear();
  moved_.Clear();
  Work work{row, key_record, unused_issues_, 0, pgcopy::TupleWriter(unused_tuple_), {}};
  return std::any_of(columns_.begin(), columns_.end(), [&](const Prepared& prepared) {
    return prepared.may_reject && !EncodeWithinKey(prepared, work).kind.empty();
  });
}

RowEncoder::Refusal RowEncoder::RefuseUnseen(const SourceRow& row, const std::string& key_record) const {
  if (row.bytes > row_bytes_max_) {
    return {kTooLarge, "", absl::StrCat("the row has ", row.bytes, " bytes; --max-row-bytes is ", row_bytes_max_)};
  }
  if (!duplicates_.empty() && duplicates_.count(key_record) != 0) {
    return {"duplicate_key", "", "an earlier row of the source has the same key at the destination"};
  }
  return {};
}

RowEncoder::Refusal RowEncoder::EncodeWithinKey(const Prepared& prepared, Work& work) {
  const std::size_t before = work.tuple.buffer().size();
  Refusal refusal = EncodeColumn(prepared, work);
  if (!prepared.is_key || !refusal.kind.empty()) return refusal;
  work.key_bytes += static_cast<std::int64_t>(work.tuple.buffer().size() - before);
  if (work.key_bytes <= core::kKeyBytesMax) return {};
  return {kTooLong, prepared.column.input >= 0 ? SourceColumn(prepared.column) : "",
          absl::StrCat("the key has ", work.key_bytes, " bytes, an index takes ", core::kKeyBytesMax)};
}

RowEncoder::Refusal RowEncoder::EncodeColumn(const Prepared& prepared, Work& work) {
  const core::Column& column = prepared.column;
  if (column.conversion == Conversion::kRowHash) {
    AppendField(work.row.hash.ToBytes(), work.tuple);
    return {};
  }
  if (column.conversion == Conversion::kMetadata) {
    EncodeMetadata(work);
    return {};
  }
  const ValueView& value = work.row.inputs[static_cast<std::size_t>(column.input)];
  if (value.is_null()) return EncodeNull(prepared, work);
  if (column.conversion == Conversion::kNatural) return EncodeNatural(prepared, value, work);
  if (IsId(column.conversion)) {
    EncodeId(prepared, value, work);
  } else {
    EncodeMainVector(prepared, value, work);
  }
  return {};
}

RowEncoder::Refusal RowEncoder::EncodeNull(const Prepared& prepared, Work& work) {
  if (prepared.null_value) {
    AppendField(*prepared.null_value, work.tuple);
    return {};
  }
  if (!prepared.is_key && !prepared.column.not_null) {
    work.tuple.Null();
    return {};
  }
  return EncodeFallback(prepared, prepared.is_key ? "null_key" : "null_value", "NULL, which the column does not take",
                        work);
}

// By type; what is too long for an index, a text or an element of a text array, moves to the metadata.
convert::Outcome RowEncoder::Convert(const core::Column& column, const ValueView& value, Work& work) {
  if (column.element_bytes_max > 0 && column.type.kind == core::PgKind::kText) {
    return ConvertBoundedText(column, value, work);
  }
  if (column.element_bytes_max == 0 || column.type.kind != core::PgKind::kTextArray) {
    return convert::Convert(value, column.type, work.tuple.buffer());
  }
  std::vector<std::string> moved;
  Outcome outcome =
      convert::ToTextArray(value, static_cast<std::size_t>(column.element_bytes_max), work.tuple.buffer(), &moved);
  // Of a text that is no array after all nothing moves: the issue keeps it whole.
  const bool moves = !moved.empty() && keeps_metadata_ && outcome.fidelity != Fidelity::kUnfit;
  if (moves) moved_.KeepElements(column.name, std::move(moved));
  return outcome;
}

convert::Outcome RowEncoder::ConvertBoundedText(const core::Column& column, const ValueView& value, Work& work) {
  std::string& buffer = work.tuple.buffer();
  const std::size_t before = buffer.size();
  Outcome outcome = convert::ToText(value, buffer);
  const auto bytes = static_cast<std::int64_t>(buffer.size() - before);
  if (bytes <= column.element_bytes_max) return outcome;
  if (keeps_metadata_) moved_.KeepText(column.name, buffer.substr(before));
  return {Fidelity::kUnfit, kTooLong,
          absl::StrCat("the text has ", bytes, " bytes, an index takes ", column.element_bytes_max)};
}

RowEncoder::Refusal RowEncoder::EncodeNatural(const Prepared& prepared, const ValueView& value, Work& work) {
  work.tuple.BeginField();
  Outcome outcome = Convert(prepared.column, value, work);
  if (outcome.fidelity == Fidelity::kUnfit || outcome.fidelity == Fidelity::kNull) {
    work.tuple.AbandonField();
    if (outcome.fidelity == Fidelity::kNull) return EncodeNull(prepared, work);
    return EncodeFallback(prepared, outcome.kind, outcome.reason, work);
  }
  work.tuple.EndField();
  if (outcome.fidelity == Fidelity::kRounded) ++work.result.values_rounded;
  if (outcome.fidelity == Fidelity::kRepaired) Repair(prepared.column, outcome.kind, std::move(outcome.reason), work);
  return {};
}

void RowEncoder::EncodeId(const Prepared& prepared, const ValueView& value, Work& work) {
  work.tuple.BeginField();
  Outcome outcome = convert::ToId(value, work.tuple.buffer());
  work.tuple.EndField();
  // A reference with an owner is told where the owner's own id is repaired.
  const Conversion conversion = prepared.column.conversion;
  if (outcome.fidelity != Fidelity::kRepaired || conversion == Conversion::kIdReference) return;
  if (conversion == Conversion::kId && keeps_metadata_) moved_.KeepSourceId(value);
  Repair(prepared.column, outcome.kind, std::move(outcome.reason), work);
}

void RowEncoder::EncodeMainVector(const Prepared& prepared, const ValueView& value, Work& work) {
  work.tuple.BeginField();
  const Fidelity fidelity = convert::Convert(value, prepared.column.type, work.tuple.buffer()).fidelity;
  if (fidelity == Fidelity::kExact || fidelity == Fidelity::kRounded) return work.tuple.EndField();
  work.tuple.AbandonField();
  work.tuple.Null();
}

void RowEncoder::EncodeMetadata(Work& work) {
  work.tuple.BeginField();
  convert::ToJsonb(ValueView::Text(moved_.empty() ? "{}" : moved_.ToJson()), work.tuple.buffer());
  work.tuple.EndField();
}

RowEncoder::Refusal RowEncoder::EncodeFallback(const Prepared& prepared, absl::string_view kind,
                                               const std::string& reason, Work& work) {
  const core::Column& column = prepared.column;
  for (const int input : column.fallback_inputs) {
    const ValueView& other = work.row.inputs[static_cast<std::size_t>(input)];
    work.tuple.BeginField();
    const Fidelity fidelity = convert::Convert(other, column.type, work.tuple.buffer()).fidelity;
    if (fidelity == Fidelity::kExact || fidelity == Fidelity::kRounded) {
      work.tuple.EndField();
      const std::string& taken = mapping_.inputs[static_cast<std::size_t>(input)].source_column;
      Repair(column, kind, absl::StrCat(reason, ": took ", taken), work);
      return {};
    }
    work.tuple.AbandonField();
  }
  if (prepared.fallback) {
    AppendField(*prepared.fallback, work.tuple);
    Repair(column, kind, absl::StrCat(reason, ": took '", *column.fallback, "'"), work);
    return {};
  }
  if (prepared.is_key || column.not_null) return {kind, SourceColumn(column), reason};
  work.tuple.Null();
  Repair(column, kind, absl::StrCat(reason, ": took NULL"), work);
  return {};
}

void RowEncoder::Repair(const core::Column& column, absl::string_view kind, std::string reason, Work& work) const {
  work.result.repaired = true;
  // One source column that fills two destination columns is told once.
  for (std::size_t i = work.issues_before; i < work.issues.size(); ++i) {
    if (work.issues[i].kind == kind && work.issues[i].column == SourceColumn(column)) return;
  }
  work.issues.push_back(MakeRepair(mapping_, column, work.row, work.key_record, kind, std::move(reason)));
}

const std::string& RowEncoder::SourceColumn(const core::Column& column) const {
  return mapping_.inputs[static_cast<std::size_t>(column.input)].source_column;
}

}  // namespace vecferry::rows
