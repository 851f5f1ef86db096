#include "common/profile/source.h"

#include <algorithm>
#include <functional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::profile {

const sqlite::SourceColumn* FindColumn(const sqlite::SourceTable& table, const std::string& column) {
  for (const sqlite::SourceColumn& candidate : table.columns) {
    if (absl::EqualsIgnoreCase(candidate.name, column)) return &candidate;
  }
  return nullptr;
}

bool HasColumns(const sqlite::SourceTable& table, const std::vector<std::string>& columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [&](const std::string& column) { return FindColumn(table, column) != nullptr; });
}

std::string OfTable(const std::string& column) { return absl::StrCat("t.", core::QuoteIdentifier(column)); }

std::vector<const sqlite::SourceColumn*> PrimaryKey(const sqlite::SourceTable& table) {
  std::vector<const sqlite::SourceColumn*> key;
  for (const sqlite::SourceColumn& column : table.columns) {
    if (column.primary_key > 0) key.push_back(&column);
  }
  std::sort(key.begin(), key.end(), [](const auto* a, const auto* b) { return a->primary_key < b->primary_key; });
  return key;
}

bool IsUniqueBy(const sqlite::SourceTable& table, const std::vector<std::string>& columns) {
  const auto among = [&](const std::string& column) {
    return std::any_of(columns.begin(), columns.end(),
                       [&](const std::string& candidate) { return absl::EqualsIgnoreCase(candidate, column); });
  };
  const std::vector<const sqlite::SourceColumn*> key = PrimaryKey(table);
  if (!key.empty() && std::all_of(key.begin(), key.end(), [&](const auto* column) { return among(column->name); })) {
    return true;
  }
  return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const sqlite::SourceIndex& index) {
    return index.unique && !index.partial && !index.columns.empty() &&
           std::all_of(index.columns.begin(), index.columns.end(), among);
  });
}

absl::StatusOr<bool> IsRowidAlias(sqlite::Database& source, const sqlite::SourceTable& table) {
  const std::vector<const sqlite::SourceColumn*> key = PrimaryKey(table);
  if (table.without_rowid || key.size() != 1 || !absl::EqualsIgnoreCase(key[0]->declared_type, "INTEGER")) return false;
  if (table.rowid_name.empty()) return true;
  const bool indexed = std::any_of(table.indexes.begin(), table.indexes.end(), [&](const sqlite::SourceIndex& index) {
    return index.from_constraint && index.columns == std::vector<std::string>{key[0]->name};
  });
  if (!indexed) return true;
  // INTEGER PRIMARY KEY DESC has an index and is no alias; INTEGER PRIMARY KEY UNIQUE has one and is. Values tell.
  ASSIGN_OR_RETURN(const core::Value differing,
                   source.QueryValue(absl::StrCat("SELECT 1 FROM ", core::QuoteIdentifier(table.name), " AS t WHERE ",
                                                  OfTable(key[0]->name), " IS NOT t.", table.rowid_name, " LIMIT 1")));
  return differing.view().is_null();
}

std::vector<const sqlite::SourceTable*> OrderByParents(const sqlite::SourceSchema& schema,
                                                       const std::vector<const sqlite::SourceTable*>& tables) {
  std::vector<const sqlite::SourceTable*> ordered;
  std::set<const sqlite::SourceTable*> seen;
  const std::function<void(const sqlite::SourceTable*)> visit = [&](const sqlite::SourceTable* table) {
    if (!seen.insert(table).second) return;
    for (const sqlite::SourceForeignKey& key : table->foreign_keys) {
      const sqlite::SourceTable* parent = schema.Find(key.parent_table);
      if (parent != nullptr && std::find(tables.begin(), tables.end(), parent) != tables.end()) visit(parent);
    }
    ordered.push_back(table);
  };
  for (const sqlite::SourceTable* table : tables) visit(table);
  return ordered;
}

}  // namespace vecferry::profile
