#include "common/sqlite/range_query.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "common/sqlite/schema.h"

namespace vecferry::sqlite {
namespace {

constexpr absl::string_view kDescending = " DESC";

enum class Side { kAfter, kFrom, kBefore, kThrough };

std::string Operator(Side side, bool descending, bool last) {
  const bool upwards = side == Side::kAfter || side == Side::kFrom;
  const bool inclusive = side == Side::kFrom || side == Side::kThrough;
  return absl::StrCat(upwards != descending ? ">" : "<", last && inclusive ? "=" : "");
}

bool OneDirection(const std::vector<KeyPart>& parts) {
  return std::all_of(parts.begin(), parts.end(),
                     [&](const KeyPart& part) { return part.descending == parts[0].descending; });
}

// The bound's values are parameters `first`, `first` + 1, ...
std::string Compare(const std::vector<KeyPart>& parts, Side side, std::size_t first) {
  std::vector<std::string> places;
  for (std::size_t i = 0; i < parts.size(); ++i) places.push_back(absl::StrCat("?", first + i));
  if (OneDirection(parts)) {
    const std::string op = Operator(side, parts[0].descending, /*last=*/true);
    if (parts.size() == 1) return absl::StrCat(parts[0].expression, " ", op, " ", places[0]);
    return absl::StrCat("(", KeyList(parts), ") ", op, " (", absl::StrJoin(places, ", "), ")");
  }
  // a >= ? AND (a > ? OR (b <= ? AND (b < ? OR ...))): the outer term lets SQLite seek, as an OR alone would not.
  std::string condition;
  for (std::size_t i = parts.size(); i-- > 0;) {
    const std::string strict =
        absl::StrCat(parts[i].expression, " ", Operator(side, parts[i].descending, false), " ", places[i]);
    const std::string here =
        absl::StrCat(parts[i].expression, " ", Operator(side, parts[i].descending, true), " ", places[i]);
    if (i + 1 == parts.size()) {
      condition = here;
      continue;
    }
    const std::string or_equal =
        absl::StrCat(parts[i].expression, " ", Operator(side, parts[i].descending, false), "= ", places[i]);
    condition = absl::StrCat("(", or_equal, " AND (", strict, " OR ", condition, "))");
  }
  return condition;
}

absl::Status AddBound(const std::vector<KeyPart>& parts, Side side, const std::optional<std::string>& record,
                      RangeQuery& query, std::vector<std::string>& conditions) {
  if (!record.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<core::Value> values, core::DecodeRecord(*record));
  if (values.size() != parts.size()) {
    return absl::DataLossError(absl::StrCat("a key has ", parts.size(), " values, its record ", values.size()));
  }
  conditions.push_back(Compare(parts, side, query.parameters.size() + 1));
  for (core::Value& value : values) query.parameters.push_back(std::move(value));
  return absl::OkStatus();
}

}  // namespace

std::vector<KeyPart> KeyParts(const core::SourceKey& key) {
  std::vector<KeyPart> parts;
  for (absl::string_view expression : key.expressions) {
    const bool descending = absl::ConsumeSuffix(&expression, kDescending);
    parts.push_back({std::string(expression), descending});
  }
  return parts;
}

std::string KeyList(const std::vector<KeyPart>& parts) {
  return absl::StrJoin(parts, ", ", [](std::string* out, const KeyPart& part) { *out += part.expression; });
}

std::string KeyOrder(const std::vector<KeyPart>& parts) {
  return absl::StrCat(" ORDER BY ", absl::StrJoin(parts, ", ", [](std::string* out, const KeyPart& part) {
                        absl::StrAppend(out, part.expression, part.descending ? kDescending : "");
                      }));
}

std::string KeyEquals(const std::vector<KeyPart>& parts) {
  std::vector<std::string> terms;
  for (const KeyPart& part : parts) terms.push_back(absl::StrCat(part.expression, " = ?", terms.size() + 1));
  return absl::StrJoin(terms, " AND ");
}

absl::StatusOr<core::SourceKey> MakeSourceKey(const SourceTable& table) {
  core::SourceKey key;
  key.is_rowid = !table.without_rowid;
  if (key.is_rowid) {
    if (table.rowid_name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("table ", table.name, ": columns hide all names of its rowid"));
    }
    key.expressions.push_back(absl::StrCat("t.", table.rowid_name));
    return key;
  }
  for (const std::string& name : PrimaryKeyColumns(table)) {
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [&](const SourceColumn& candidate) { return candidate.name == name; });
    // A COLLATE that changes nothing would keep SQLite from seeking by more than the first column.
    const bool other_order = column->collation != column->default_collation;
    key.expressions.push_back(
        absl::StrCat("t.", core::QuoteIdentifier(name),
                     other_order ? absl::StrCat(" COLLATE ", core::QuoteIdentifier(column->collation)) : "",
                     column->descending ? kDescending : ""));
  }
  return key;
}

absl::StatusOr<RangeQuery> MakeRangeQuery(const core::Mapping& mapping, const std::optional<std::string>& lower,
                                          const std::optional<std::string>& upper,
                                          const std::optional<std::string>& after,
                                          const std::optional<std::string>& through) {
  const std::vector<KeyPart> parts = KeyParts(mapping.key);
  RangeQuery query;
  query.sql = absl::StrCat("SELECT ", KeyList(parts));
  for (const core::Input& input : mapping.inputs) absl::StrAppend(&query.sql, ", ", input.sql);
  absl::StrAppend(&query.sql, " FROM ", mapping.from_sql);
  std::vector<std::string> conditions;
  // What was read lies within the shard: `after` says all that `lower` says.
  RETURN_IF_ERROR(after.has_value() ? AddBound(parts, Side::kAfter, after, query, conditions)
                                    : AddBound(parts, Side::kFrom, lower, query, conditions));
  RETURN_IF_ERROR(AddBound(parts, Side::kBefore, upper, query, conditions));
  RETURN_IF_ERROR(AddBound(parts, Side::kThrough, through, query, conditions));
  if (!conditions.empty()) absl::StrAppend(&query.sql, " WHERE ", absl::StrJoin(conditions, " AND "));
  query.sql += KeyOrder(parts);
  return query;
}

}  // namespace vecferry::sqlite
