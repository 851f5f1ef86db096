#include "common/sqlite/schema_table.h"

#include <sqlite3.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::sqlite {
namespace {

std::string TextAt(const Statement& row, int index) { return std::string(row.Column(index).bytes); }

absl::StatusOr<Statement> Pragma(Database& database, absl::string_view pragma, const std::string& of) {
  return database.Prepare(absl::StrCat("PRAGMA ", pragma, "(", core::QuoteIdentifier(of), ")"));
}

SourceColumn* FindColumn(SourceTable& table, absl::string_view name) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(), [&](const SourceColumn& column) {
    return absl::EqualsIgnoreCase(column.name, name);
  });
  return found == table.columns.end() ? nullptr : &*found;
}

// Columns of one index, from index_xinfo: seqno, cid, name, desc, coll, key.
absl::Status ReadIndexColumns(Database& database, bool is_primary_key, SourceIndex& index, SourceTable& table) {
  ASSIGN_OR_RETURN(Statement row, Pragma(database, "index_xinfo", index.name));
  bool has_expression = false;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    if (row.Column(5).integer == 0) continue;  // carried along, no part of the key
    has_expression = has_expression || row.Column(1).integer < 0;
    index.columns.push_back(TextAt(row, 2));
    SourceColumn* column = is_primary_key ? FindColumn(table, index.columns.back()) : nullptr;
    if (column == nullptr) continue;
    column->descending = row.Column(3).integer != 0;
    column->collation = TextAt(row, 4);
  }
  if (has_expression) index.columns.clear();
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadColumns(Database& database, SourceTable& table) {
  // cid, name, type, notnull, dflt_value, pk, hidden.
  absl::StatusOr<Statement> row = Pragma(database, "table_xinfo", table.name);
  // A virtual table whose module is not loaded, or a view over what is gone, has no columns to be told.
  const bool may_fail = table.kind == TableKind::kVirtual || table.kind == TableKind::kView;
  while (row.ok()) {
    const absl::StatusOr<bool> more = row->Step();
    if (!more.ok()) return may_fail && absl::IsInvalidArgument(more.status()) ? absl::OkStatus() : more.status();
    if (!*more) return absl::OkStatus();
    const std::int64_t hidden = row->Column(6).integer;
    if (hidden == 1) continue;
    SourceColumn column;
    column.name = TextAt(*row, 1);
    column.declared_type = TextAt(*row, 2);
    column.not_null = row->Column(3).integer != 0;
    if (!row->Column(4).is_null()) column.default_sql = TextAt(*row, 4);
    column.primary_key = static_cast<int>(row->Column(5).integer);
    column.generated = hidden == 2 || hidden == 3;
    const char* collation = nullptr;
    if (sqlite3_table_column_metadata(database.raw(), "main", table.name.c_str(), column.name.c_str(), nullptr,
                                      &collation, nullptr, nullptr, nullptr) == SQLITE_OK &&
        collation != nullptr) {
      column.default_collation = collation;
      column.collation = collation;
    }
    table.columns.push_back(std::move(column));
  }
  return may_fail && absl::IsInvalidArgument(row.status()) ? absl::OkStatus() : row.status();
}

absl::Status ReadIndexes(Database& database, SourceTable& table) {
  // seq, name, unique, origin, partial.
  ASSIGN_OR_RETURN(Statement row, Pragma(database, "index_list", table.name));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    SourceIndex index;
    index.name = TextAt(row, 1);
    index.unique = row.Column(2).integer != 0;
    const std::string origin = TextAt(row, 3);
    index.from_constraint = origin == "u" || origin == "pk";
    index.partial = row.Column(4).integer != 0;
    RETURN_IF_ERROR(ReadIndexColumns(database, origin == "pk", index, table));
    table.indexes.push_back(std::move(index));
  }
  std::sort(table.indexes.begin(), table.indexes.end(),
            [](const SourceIndex& a, const SourceIndex& b) { return a.name < b.name; });
  return absl::OkStatus();
}

absl::Status ReadForeignKeys(Database& database, SourceTable& table) {
  // id, seq, table, from, to, on_update, on_delete, match. The first declared has the highest id.
  ASSIGN_OR_RETURN(Statement row, Pragma(database, "foreign_key_list", table.name));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) break;
    if (row.Column(1).integer == 0) {
      SourceForeignKey key;
      key.parent_table = TextAt(row, 2);
      key.on_update = TextAt(row, 5);
      key.on_delete = TextAt(row, 6);
      table.foreign_keys.push_back(std::move(key));
    }
    SourceForeignKey& key = table.foreign_keys.back();
    const SourceColumn* column = FindColumn(table, row.Column(3).bytes);
    key.columns.push_back(column == nullptr ? TextAt(row, 3) : column->name);
    if (!row.Column(4).is_null()) key.parent_columns.push_back(TextAt(row, 4));
  }
  std::reverse(table.foreign_keys.begin(), table.foreign_keys.end());
  return absl::OkStatus();
}

std::string RowidName(const SourceTable& table) {
  if (table.without_rowid || table.kind == TableKind::kView || table.kind == TableKind::kVirtual) return "";
  for (const char* name : {"rowid", "_rowid_", "oid"}) {
    const bool hidden = std::any_of(table.columns.begin(), table.columns.end(), [&](const SourceColumn& column) {
      return absl::EqualsIgnoreCase(column.name, name);
    });
    if (!hidden) return name;
  }
  // An INTEGER PRIMARY KEY is the rowid itself; a primary key that is another thing has an index of its own.
  const SourceColumn* key = nullptr;
  int key_columns = 0;
  for (const SourceColumn& column : table.columns) {
    if (column.primary_key == 0) continue;
    ++key_columns;
    key = &column;
  }
  if (key_columns != 1 || !absl::EqualsIgnoreCase(key->declared_type, "INTEGER")) return "";
  const bool indexed = std::any_of(table.indexes.begin(), table.indexes.end(), [&](const SourceIndex& index) {
    return index.from_constraint && index.columns.size() == 1 && index.columns[0] == key->name;
  });
  return indexed ? "" : core::QuoteIdentifier(key->name);
}

}  // namespace vecferry::sqlite
