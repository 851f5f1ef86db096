#include "common/profile/content_key.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"

namespace vecferry::profile {
namespace {

constexpr absl::string_view kOnlyOccurrence = "1";  // as long as no two rows are equal
constexpr std::int64_t kHashesMax = 2'000'000;      // 32 MiB in memory at once; more rows take several passes

// Whether two rows are equal in every column. Bounded in memory: rows are compared by their hashes, a part of all hash
// values in each pass.
absl::StatusOr<bool> HasEqualRows(sqlite::Database& source, const sqlite::SourceTable& table) {
  const std::string from = core::QuoteIdentifier(table.name);
  ASSIGN_OR_RETURN(const core::Value count, source.QueryValue(absl::StrCat("SELECT count(*) FROM ", from)));
  const std::uint64_t parts = static_cast<std::uint64_t>(count.integer / kHashesMax) + 1;
  std::vector<std::string> columns;
  for (const sqlite::SourceColumn& column : table.columns) columns.push_back(core::QuoteIdentifier(column.name));
  for (std::uint64_t part = 0; part < parts; ++part) {
    ASSIGN_OR_RETURN(sqlite::Statement rows,
                     source.Prepare(absl::StrCat("SELECT ", absl::StrJoin(columns, ", "), " FROM ", from)));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> hashes;
    std::vector<core::ValueView> values(columns.size());
    while (true) {
      ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) break;
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = rows.Column(static_cast<int>(i));
      const core::Sum128 hash = core::HashRow(values);
      if (hash.low % parts == part) hashes.emplace_back(hash.high, hash.low);
    }
    std::sort(hashes.begin(), hashes.end());
    if (std::adjacent_find(hashes.begin(), hashes.end()) != hashes.end()) return true;
  }
  return false;
}

// Numbers equal rows. typeof() keeps 1 and 1.0 apart, BINARY what a NOCASE column takes for one. SQLite sorts the whole
// table for it, so it is left to tables that have equal rows.
std::string NumberEqualRows(const sqlite::SourceTable& table) {
  const std::string from = core::QuoteIdentifier(table.name);
  std::vector<std::string> terms;
  for (const sqlite::SourceColumn& column : table.columns) {
    const std::string quoted = core::QuoteIdentifier(column.name);
    terms.push_back(absl::StrCat(quoted, " COLLATE BINARY"));
    // SQLite allows 2,000 terms.
    if (table.columns.size() < 900) terms.push_back(absl::StrCat("typeof(", quoted, ")"));
  }
  return absl::StrCat(from, " AS t CROSS JOIN (SELECT ", table.rowid_name,
                      " AS vecferry_row, row_number() OVER (PARTITION BY ", absl::StrJoin(terms, ", "), " ORDER BY ",
                      table.rowid_name, ") AS vecferry_occurrence FROM ", from, ") AS o ON o.vecferry_row = t.",
                      table.rowid_name);
}

// From now on `occurrence`, an input of `mapping`, numbers the rows that are equal, if there are such rows.
absl::Status NumberIfEqual(sqlite::Database& source, const sqlite::SourceTable& table, core::Mapping& mapping,
                           core::Input& occurrence) {
  if (table.without_rowid) return absl::OkStatus();  // its rows differ in their key
  ASSIGN_OR_RETURN(const bool equal, HasEqualRows(source, table));
  if (!equal) return absl::OkStatus();
  mapping.from_sql = NumberEqualRows(table);
  occurrence.sql = "o.vecferry_occurrence";
  return absl::OkStatus();
}

}  // namespace

absl::Status AddContentKey(Draft& draft, const sqlite::SourceTable& table, NameSet& names, DraftTable& destination,
                           core::Mapping& mapping) {
  mapping.inputs.push_back({std::string(kOnlyOccurrence), ""});
  RETURN_IF_ERROR(NumberIfEqual(draft.input.source, table, mapping, mapping.inputs.back()));
  core::Column hash{names.Add("vecferry_rowhash"), {core::PgKind::kBytea}, core::Conversion::kRowHash};
  core::Column occurrence{names.Add("vecferry_occurrence"),
                          {core::PgKind::kInt8},
                          core::Conversion::kNatural,
                          static_cast<int>(mapping.inputs.size()) - 1};
  for (core::Column* column : {&hash, &occurrence}) {
    column->not_null = true;
    destination.columns.push_back({.name = column->name, .type = column->type, .not_null = true});
    mapping.conflict_key.push_back(column->name);
    mapping.columns.push_back(*column);
  }
  draft.Note(absl::StrCat("table ", table.name,
                          " has no key that Postgres can have: its rows get one made of their "
                          "content (",
                          hash.name, ", ", occurrence.name, ")"));
  return absl::OkStatus();
}

absl::Status RenewContentKey(sqlite::Database& source, const sqlite::SourceTable& table, core::Mapping& mapping) {
  const bool by_content = std::any_of(mapping.columns.begin(), mapping.columns.end(), [](const core::Column& column) {
    return column.conversion == core::Conversion::kRowHash;
  });
  const auto occurrence = std::find_if(mapping.inputs.begin(), mapping.inputs.end(), [](const core::Input& input) {
    return input.sql == kOnlyOccurrence && input.source_column.empty();
  });
  if (!by_content || occurrence == mapping.inputs.end()) return absl::OkStatus();
  return NumberIfEqual(source, table, mapping, *occurrence);
}

}  // namespace vecferry::profile
