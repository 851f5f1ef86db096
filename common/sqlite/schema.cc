#include "common/sqlite/schema.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "common/sqlite/create_sql.h"
#include "common/sqlite/schema_table.h"

namespace vecferry::sqlite {
namespace {

// Tables that a module keeps its data in, named OWNER_SUFFIX. SQLite marks them itself while the module is loaded.
struct ShadowRule {
  absl::string_view module;
  std::vector<absl::string_view> suffixes;
};
const std::vector<ShadowRule>& ShadowRules() {
  static const auto* const rules = new std::vector<ShadowRule>{
      {"fts3", {"content", "segments", "segdir", "stat", "docsize"}},
      {"fts4", {"content", "segments", "segdir", "stat", "docsize"}},
      {"fts5", {"data", "idx", "content", "docsize", "config"}},
      {"rtree", {"node", "rowid", "parent"}},
      {"rtree_i32", {"node", "rowid", "parent"}},
      {"geopoly", {"node", "rowid", "parent"}},
      {"vec0", {"info", "chunks", "rowids", "auxiliary", "vector_chunks*", "metadatachunks*", "metadatatext*"}},
  };
  return *rules;
}

// "vector_chunks*" stands for two digits after it.
bool FitsSuffix(absl::string_view rest, absl::string_view suffix) {
  if (!absl::ConsumeSuffix(&suffix, "*")) return absl::EqualsIgnoreCase(rest, suffix);
  return rest.size() == suffix.size() + 2 && absl::StartsWithIgnoreCase(rest, suffix) &&
         absl::ascii_isdigit(static_cast<unsigned char>(rest[rest.size() - 1])) &&
         absl::ascii_isdigit(static_cast<unsigned char>(rest[rest.size() - 2]));
}

bool IsShadowOf(const SourceTable& owner, const SourceTable& table) {
  absl::string_view rest = table.name;
  if (!absl::StartsWithIgnoreCase(rest, owner.name)) return false;
  rest.remove_prefix(owner.name.size());
  if (!absl::ConsumePrefix(&rest, "_")) return false;
  if (table.kind == TableKind::kShadow) return true;
  for (const ShadowRule& rule : ShadowRules()) {
    if (rule.module != owner.virtual_module) continue;
    return std::any_of(rule.suffixes.begin(), rule.suffixes.end(),
                       [&](absl::string_view suffix) { return FitsSuffix(rest, suffix); });
  }
  return false;
}

// A vec0 table holds rows that are nowhere else and cannot be read without its extension, so its shadow tables stay
// ordinary and are carried as they are. The others are indexes over what else is there.
void MarkShadow(const std::vector<SourceTable>& tables, SourceTable& table) {
  if (table.kind != TableKind::kOrdinary && table.kind != TableKind::kShadow) return;
  const SourceTable* owner = nullptr;
  for (const SourceTable& other : tables) {
    if (other.kind != TableKind::kVirtual || !IsShadowOf(other, table)) continue;
    if (owner == nullptr || other.name.size() > owner->name.size()) owner = &other;  // a_b_data is a_b's, not a's
  }
  if (owner == nullptr) return;
  table.owner = owner->name;
  table.virtual_module = owner->virtual_module;
  table.kind = owner->virtual_module == "vec0" ? TableKind::kOrdinary : TableKind::kShadow;
}

TableKind KindOf(absl::string_view type) {
  if (type == "view") return TableKind::kView;
  if (type == "virtual") return TableKind::kVirtual;
  return type == "shadow" ? TableKind::kShadow : TableKind::kOrdinary;
}

absl::StatusOr<std::vector<SourceTable>> ListTables(Database& database) {
  ASSIGN_OR_RETURN(
      Statement row,
      database.Prepare("SELECT l.name, l.type, l.wr, l.strict, s.sql FROM pragma_table_list AS l "
                       "JOIN sqlite_schema AS s ON s.name = l.name AND s.type IN ('table', 'view') "
                       "WHERE l.schema = 'main' AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY l.name"));
  std::vector<SourceTable> tables;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return tables;
    SourceTable table;
    table.name = std::string(row.Column(0).bytes);
    table.kind = KindOf(row.Column(1).bytes);
    table.without_rowid = row.Column(2).integer != 0;
    table.strict = row.Column(3).integer != 0;
    const absl::string_view sql = row.Column(4).bytes;
    if (table.kind == TableKind::kVirtual) table.virtual_module = VirtualModule(sql);
    if (table.kind == TableKind::kOrdinary) table.autoincrement = SaysAutoincrement(sql);
    tables.push_back(std::move(table));
  }
}

absl::Status ReadSequences(Database& database, std::vector<SourceTable>& tables) {
  ASSIGN_OR_RETURN(const core::Value there,
                   database.QueryValue("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'"));
  if (there.view().is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(Statement row, database.Prepare("SELECT name, seq FROM sqlite_sequence"));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, row.Step());
    if (!more) return absl::OkStatus();
    for (SourceTable& table : tables) {
      if (!absl::EqualsIgnoreCase(table.name, row.Column(0).bytes)) continue;
      if (row.Column(1).storage == core::StorageClass::kInteger) table.sequence = row.Column(1).integer;
    }
  }
}

// A foreign key may spell its parent in other case and leave its columns to the parent's primary key.
void ResolveParents(const SourceSchema& schema, SourceTable& table) {
  for (SourceForeignKey& key : table.foreign_keys) {
    const SourceTable* parent = schema.Find(key.parent_table);
    if (parent == nullptr) continue;
    key.parent_table = parent->name;
    if (key.parent_columns.empty()) key.parent_columns = PrimaryKeyColumns(*parent);
    for (std::string& name : key.parent_columns) {
      for (const SourceColumn& column : parent->columns) {
        if (absl::EqualsIgnoreCase(column.name, name)) name = column.name;
      }
    }
  }
}

// Over what a plan reads by: tables and columns. Row contents, sequences and secondary indexes may change.
std::string HashOf(const std::vector<SourceTable>& tables) {
  std::vector<core::ValueView> parts;
  for (const SourceTable& table : tables) {
    parts.push_back(core::ValueView::Text(table.name));
    parts.push_back(core::ValueView::Integer(static_cast<int>(table.kind)));
    parts.push_back(core::ValueView::Integer(table.without_rowid * 2 + table.strict));
    for (const SourceColumn& column : table.columns) {
      parts.push_back(core::ValueView::Blob(column.name));
      parts.push_back(core::ValueView::Text(column.declared_type));
      parts.push_back(core::ValueView::Text(column.collation));
      parts.push_back(core::ValueView::Integer(column.primary_key * 8 + column.descending * 4 + column.generated * 2 +
                                               column.not_null));
    }
    for (const SourceForeignKey& key : table.foreign_keys) {
      parts.push_back(core::ValueView::Null());
      parts.push_back(core::ValueView::Text(key.parent_table));
      for (const std::string& column : key.columns) parts.push_back(core::ValueView::Text(column));
      for (const std::string& column : key.parent_columns) parts.push_back(core::ValueView::Blob(column));
    }
  }
  return absl::BytesToHexString(core::HashRow(parts).ToBytes());
}

}  // namespace

const SourceTable* SourceSchema::Find(const std::string& name) const {
  const SourceTable* other_case = nullptr;
  for (const SourceTable& table : tables) {
    if (table.name == name) return &table;
    if (absl::EqualsIgnoreCase(table.name, name)) other_case = &table;
  }
  return other_case;
}

std::vector<std::string> PrimaryKeyColumns(const SourceTable& table) {
  std::vector<std::pair<int, std::string>> columns;
  for (const SourceColumn& column : table.columns) {
    if (column.primary_key > 0) columns.emplace_back(column.primary_key, column.name);
  }
  std::sort(columns.begin(), columns.end());
  std::vector<std::string> names;
  for (auto& [place, name] : columns) names.push_back(std::move(name));
  return names;
}

absl::StatusOr<SourceSchema> ReadSchema(Database& database) {
  SourceSchema schema;
  ASSIGN_OR_RETURN(schema.tables, ListTables(database));
  for (SourceTable& table : schema.tables) MarkShadow(schema.tables, table);
  for (SourceTable& table : schema.tables) {
    RETURN_IF_ERROR(ReadColumns(database, table));
    if (table.kind != TableKind::kOrdinary && table.kind != TableKind::kShadow) continue;
    RETURN_IF_ERROR(ReadIndexes(database, table));
    RETURN_IF_ERROR(ReadForeignKeys(database, table));
    table.rowid_name = RowidName(table);
  }
  for (SourceTable& table : schema.tables) ResolveParents(schema, table);
  RETURN_IF_ERROR(ReadSequences(database, schema.tables));
  schema.hash = HashOf(schema.tables);
  ASSIGN_OR_RETURN(const core::Value encoding, database.QueryValue("PRAGMA encoding"));
  schema.encoding = encoding.bytes;
  return schema;
}

}  // namespace vecferry::sqlite
