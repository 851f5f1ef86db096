#include "verifier/recall_slices.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "verifier/bytes.h"
#include "verifier/canonical.h"
#include "verifier/sql_literal.h"

namespace vecferry::verifier {
namespace {

// As pgvector sends both types: the dimension stands first.
int DimensionOf(absl::string_view vector) {
  return vector.size() < sizeof(std::uint16_t) ? 0 : FromNetwork<std::uint16_t>(vector.data());
}

std::optional<std::string> ValueOf(const RowImage& row, int column) {
  const std::optional<absl::string_view> value = column < 0 ? std::nullopt : row.field(column);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

}  // namespace

bool IsIn(const Slice& slice, const RowImage& row, absl::string_view vector) {
  if (slice.dimension != 0 && DimensionOf(vector) != slice.dimension) return false;
  if (slice.column < 0) return true;
  const std::optional<absl::string_view> value = row.field(slice.column);
  return value.has_value() == slice.value.has_value() && (!value || *value == *slice.value);
}

void Narrow(const Slice& slice, const ComparedTable& table, RecallTarget& target) {
  std::vector<std::string> told, conditions;
  if (slice.column >= 0) {
    const ComparedColumn& column = table.columns[static_cast<std::size_t>(slice.column)];
    const std::string name = core::QuoteIdentifier(column.name);
    told.push_back(slice.value ? absl::StrCat(column.name, " = ", CanonicalText(column.type, *slice.value))
                               : absl::StrCat(column.name, " is NULL"));
    conditions.push_back(slice.value
                             ? absl::StrCat(name, " = ", SqlLiteral(column.type, slice.value, target.extension_schema))
                             : absl::StrCat(name, " IS NULL"));
  }
  if (slice.dimension != 0) {
    told.push_back(absl::StrCat(slice.dimension, " dimensions"));
    conditions.push_back(absl::StrCat(core::QuoteIdentifier(target.extension_schema), ".vector_dims(",
                                      core::QuoteIdentifier(target.column), ") = ", slice.dimension));
    target.type.dimension = slice.dimension;
  }
  target.slice = absl::StrJoin(told, ", ");
  target.slice_condition = absl::StrJoin(conditions, " AND ");
}

void SliceCounts::Add(const RowImage& row, absl::string_view vector) {
  std::optional<std::string> value = ValueOf(row, column_);
  const bool fits = !value || value->size() <= kValueBytesMax;
  if (!fits) {
    overflown_ = true;
    return;
  }
  const auto key = std::make_pair(std::move(value), any_dimension_ ? DimensionOf(vector) : 0);
  const auto found = counts_.find(key);
  if (found != counts_.end()) {
    ++found->second;
  } else if (counts_.size() < kSlicesMax) {
    counts_.emplace(key, 1);
  } else {
    overflown_ = true;
  }
}

std::vector<Slice> SliceCounts::Largest(std::size_t most) const {
  std::vector<Slice> slices;
  for (const auto& [key, vectors] : counts_) slices.push_back({column_, key.first, key.second, vectors});
  std::stable_sort(slices.begin(), slices.end(),
                   [](const Slice& one, const Slice& other) { return one.vectors > other.vectors; });
  if (slices.size() > most) slices.resize(most);
  return slices;
}

}  // namespace vecferry::verifier
