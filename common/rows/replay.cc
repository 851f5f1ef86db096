#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/convert/convert.h"
#include "common/pgcopy/tuple.h"
#include "common/rows/row_cursor.h"
#include "common/rows/row_encoder.h"
#include "common/rows/rows.h"

namespace vecferry::rows {
namespace {

using core::ValueView;

std::vector<ValueView> Views(const std::vector<core::Value>& values) {
  std::vector<ValueView> views;
  views.reserve(values.size());
  for (const core::Value& value : values) views.push_back(value.view());
  return views;
}

ValueView ValueOf(const core::SetValue& set) { return set.text ? ValueView::Text(*set.text) : ValueView::Null(); }

// The inputs of `mapping` from those of the mapping that recorded them: the same expressions over the same rows.
absl::StatusOr<std::vector<ValueView>> MapInputs(const core::Mapping& mapping, const core::Mapping& recorded,
                                                 const std::vector<ValueView>& values) {
  std::vector<ValueView> mapped;
  for (const core::Input& input : mapping.inputs) {
    const auto same = std::find_if(recorded.inputs.begin(), recorded.inputs.end(),
                                   [&](const core::Input& candidate) { return candidate.sql == input.sql; });
    if (same == recorded.inputs.end() || mapping.from_sql != recorded.from_sql) {
      return absl::FailedPreconditionError(
          absl::StrCat("what was kept of the row lacks ", input.source_column, " for ", mapping.destination_table));
    }
    mapped.push_back(values[static_cast<std::size_t>(same - recorded.inputs.begin())]);
  }
  return mapped;
}

absl::Status SplitTuple(absl::string_view tuple, const core::Mapping& mapping,
                        std::vector<std::optional<std::string>>& fields) {
  ASSIGN_OR_RETURN(const auto read, pgcopy::ReadTuple(tuple));
  if (read.size() != mapping.columns.size()) return absl::DataLossError("the kept tuple is not one of the plan's");
  for (const auto& field : read) fields.push_back(field ? std::optional<std::string>(*field) : std::nullopt);
  return absl::OkStatus();
}

absl::StatusOr<core::ReplayRow> FromRecord(const core::Mapping& mapping, const core::Mapping& recorded,
                                           std::int64_t row_bytes_max, const core::RawRow& raw) {
  ASSIGN_OR_RETURN(const std::vector<core::Value> key, core::DecodeRecord(raw.key_record));
  ASSIGN_OR_RETURN(const std::vector<core::Value> inputs, core::DecodeRecord(raw.raw));
  if (inputs.size() != recorded.inputs.size()) return absl::DataLossError("the kept record is not one of the plan's");
  std::vector<ValueView> values = Views(inputs);
  for (const core::SetValue& set : raw.sets) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (recorded.inputs[i].source_column == set.column) values[i] = ValueOf(set);
    }
  }
  ASSIGN_OR_RETURN(const std::vector<ValueView> mapped, MapInputs(mapping, recorded, values));
  RowEncoder encoder(mapping, row_bytes_max);
  const std::vector<ValueView> key_views = Views(key);
  std::string tuple;
  core::ReplayRow row;
  const EncodedRow encoded = encoder.Encode(MakeSourceRow(key_views, mapped), raw.key_record, tuple, row.issues);
  if (!encoded.carried) return row;
  row.repaired = encoded.repaired;
  row.values_rounded = static_cast<std::int64_t>(encoded.values_rounded);
  row.bytes = static_cast<std::int64_t>(tuple.size());
  RETURN_IF_ERROR(SplitTuple(tuple, mapping, row.fields));
  return row;
}

// The field of a column whose value is set by hand; false and a rejection in `row` when the column cannot hold it.
bool SetField(const core::Column& column, const core::SetValue& set, std::size_t place, core::ReplayRow& row) {
  if (!set.text) {
    row.fields[place] = std::nullopt;
    return true;
  }
  std::string field;
  const bool is_id = column.conversion == core::Conversion::kId ||
                     column.conversion == core::Conversion::kIdReference ||
                     column.conversion == core::Conversion::kIdMention;
  const convert::Outcome outcome =
      is_id ? convert::ToId(ValueOf(set), field) : convert::Convert(ValueOf(set), column.type, field);
  const bool fits =
      is_id || outcome.fidelity == convert::Fidelity::kExact || outcome.fidelity == convert::Fidelity::kRounded;
  if (fits) {
    row.fields[place] = std::move(field);
    return true;
  }
  core::RowIssue& issue = row.issues.emplace_back();
  issue.action = core::IssueAction::kRejected;
  issue.column = set.column;
  issue.kind = outcome.kind.empty() ? "null_value" : std::string(outcome.kind);
  issue.reason = absl::StrCat("the value set: ", outcome.reason);
  row.fields.clear();
  return false;
}

absl::StatusOr<core::ReplayRow> FromTuple(const core::Mapping& mapping, const core::RawRow& raw) {
  core::ReplayRow row;
  RETURN_IF_ERROR(SplitTuple(raw.raw, mapping, row.fields));
  for (const core::SetValue& set : raw.sets) {
    for (std::size_t i = 0; i < mapping.columns.size(); ++i) {
      const core::Column& column = mapping.columns[i];
      if (column.input < 0 || mapping.inputs[static_cast<std::size_t>(column.input)].source_column != set.column) {
        continue;
      }
      if (!SetField(column, set, i, row)) return row;
    }
  }
  return row;
}

}  // namespace

absl::StatusOr<core::ReplayRow> EncodeAgain(const core::Mapping& mapping, const core::Mapping& recorded,
                                            std::int64_t row_bytes_max, const core::RawRow& row) {
  if (row.raw_format == "copy-tuple") return FromTuple(mapping, row);
  return FromRecord(mapping, recorded, row_bytes_max, row);
}

}  // namespace vecferry::rows
