#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/profile/generic.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

using core::PgKind;

// The designs of an index's columns; empty when one of them is missing.
std::vector<const ColumnDesign*> Resolve(const std::vector<ColumnDesign>& designs,
                                         const std::vector<std::string>& columns) {
  std::vector<const ColumnDesign*> resolved;
  for (const std::string& column : columns) {
    const auto found = std::find_if(designs.begin(), designs.end(), [&](const ColumnDesign& design) {
      return absl::EqualsIgnoreCase(design.source->name, column);
    });
    if (found == designs.end()) return {};
    resolved.push_back(&*found);
  }
  return resolved;
}

std::vector<std::string> Names(const std::vector<const ColumnDesign*>& designs) {
  std::vector<std::string> names;
  for (const ColumnDesign* design : designs) names.push_back(design->name);
  return names;
}

// Why Postgres cannot have this index; "" = it can.
std::string WhyNot(const sqlite::SourceIndex& index, const std::vector<const ColumnDesign*>& columns) {
  if (index.partial) return "is partial";
  if (columns.empty()) return "has an expression";
  if (columns.size() > 32) return "has more than 32 columns";
  std::int64_t bytes = 0;
  for (const ColumnDesign* design : columns) {
    if (design->type.kind == PgKind::kVector) return "is on a vector";
    if (design->type.kind != PgKind::kUuid) bytes += design->bytes_longest;
  }
  if (bytes <= kIndexedBytesMax) return "";
  return absl::StrCat("would have entries of ", bytes, " bytes");
}

// The type that both ends of a foreign key can have: text, where one of them fell back to it and the other holds texts.
bool Unify(DraftTable& child, const std::string& child_column, DraftTable& parent, const std::string& parent_column,
           Draft& draft) {
  const DraftColumn* one = child.Find(child_column);
  const DraftColumn* other = parent.Find(parent_column);
  if (one == nullptr || other == nullptr) return false;
  if (one->type == other->type) return true;
  const auto texts = [](PgKind kind) {
    return kind == PgKind::kText || kind == PgKind::kUuid || kind == PgKind::kTimestamptz;
  };
  const bool falls_back = one->type.kind == PgKind::kText || other->type.kind == PgKind::kText;
  if (!falls_back || !texts(one->type.kind) || !texts(other->type.kind)) return false;
  const auto make_text = [&](DraftTable& table, const std::string& name) {
    for (DraftColumn& column : table.columns) {
      if (column.name == name) column.type = {PgKind::kText};
    }
    for (core::Mapping& mapping : draft.plan.mappings) {
      if (mapping.destination_table != table.name) continue;
      for (core::Column& column : mapping.columns) {
        if (column.name != name || column.conversion != core::Conversion::kNatural) continue;
        column.type = {PgKind::kText};
      }
    }
  };
  // Ids that the profile itself made uuid stay so.
  for (const core::Mapping& mapping : draft.plan.mappings) {
    for (const core::Column& column : mapping.columns) {
      const bool here = (mapping.destination_table == child.name && column.name == child_column) ||
                        (mapping.destination_table == parent.name && column.name == parent_column);
      if (here && column.conversion != core::Conversion::kNatural) return false;
    }
  }
  if (draft.Existing(child.name) != nullptr || draft.Existing(parent.name) != nullptr) return false;
  make_text(child, child_column);
  make_text(parent, parent_column);
  return true;
}

std::string Actions(const sqlite::SourceForeignKey& key) {
  std::string actions;
  for (const auto& [event, action] : {std::pair{" ON DELETE ", key.on_delete}, {" ON UPDATE ", key.on_update}}) {
    if (!action.empty() && action != "NO ACTION") absl::StrAppend(&actions, event, action);
  }
  return actions;
}

// The destination's columns of a source table; empty when one of them is missing.
std::vector<std::string> MapColumns(const Carried& carried, const std::vector<std::string>& columns) {
  std::vector<std::string> mapped;
  for (const std::string& column : columns) {
    const auto found = std::find_if(carried.columns.begin(), carried.columns.end(),
                                    [&](const auto& entry) { return absl::EqualsIgnoreCase(entry.first, column); });
    if (found == carried.columns.end()) return {};
    mapped.push_back(found->second);
  }
  return mapped;
}

// How SQLite finds the parent of a text where it is not by its bytes alone, as Postgres does; "" = by these.
std::string OtherCollation(const sqlite::SourceTable& parent, const sqlite::SourceForeignKey& key,
                           const DraftTable& drafted, const std::vector<std::string>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const sqlite::SourceColumn* source = FindColumn(parent, key.parent_columns[i]);
    const DraftColumn* column = drafted.Find(columns[i]);
    if (source == nullptr || column == nullptr || column->type.kind != PgKind::kText) continue;
    if (source->default_collation != "BINARY") return source->default_collation;
  }
  return "";
}

// "" when the key was drafted, else why it could not be.
std::string TryForeignKey(Draft& draft, const sqlite::SourceTable& table, const sqlite::SourceForeignKey& key) {
  const sqlite::SourceTable* parent_source = draft.input.schema.Find(key.parent_table);
  const auto parent_carried = parent_source == nullptr ? draft.carried.end() : draft.carried.find(parent_source->name);
  if (parent_carried == draft.carried.end()) return "that table is not carried";
  const Carried& child_carried = draft.carried.at(table.name);
  DraftTable* child = draft.FindTable(child_carried.destination);
  DraftTable* parent = draft.FindTable(parent_carried->second.destination);
  const std::vector<std::string> columns = MapColumns(child_carried, key.columns);
  const std::vector<std::string> parent_columns = MapColumns(parent_carried->second, key.parent_columns);
  if (child == nullptr || parent == nullptr || columns.empty() || columns.size() != parent_columns.size()) {
    return "its columns are not there";
  }
  if (!IsReferable(draft, *parent, parent_columns)) return "nothing keeps those columns unique";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!Unify(*child, columns[i], *parent, parent_columns[i], draft)) return "the columns' types differ";
  }
  const std::string collation = OtherCollation(*parent_source, key, *parent, parent_columns);
  if (!collation.empty()) return absl::StrCat("the source finds a parent by ", collation, ", not by its bytes alone");
  const bool known = std::any_of(child->foreign_keys.begin(), child->foreign_keys.end(), [&](const auto& other) {
    return other.columns == columns && other.parent_table == parent->name && other.parent_columns == parent_columns;
  });
  if (!known) child->foreign_keys.push_back({columns, parent->name, parent_columns, Actions(key)});
  return "";
}

}  // namespace

bool IsReferable(Draft& draft, const DraftTable& parent, const std::vector<std::string>& columns) {
  const postgres::CatalogTable* existing = draft.Existing(parent.name);
  if (existing == nullptr) return parent.IsUnique(columns);
  const std::set<std::string> wanted(columns.begin(), columns.end());
  return std::any_of(existing->indexes.begin(), existing->indexes.end(), [&](const postgres::CatalogIndex& index) {
    return index.unique && index.valid && !index.partial && !index.deferrable &&
           std::set<std::string>(index.columns.begin(), index.columns.end()) == wanted;
  });
}

void DraftKeysAndIndexes(Draft& draft, const sqlite::SourceTable& table, const std::vector<ColumnDesign>& designs,
                         DraftTable& destination, const core::Mapping& mapping) {
  const std::set<std::string> key(mapping.conflict_key.begin(), mapping.conflict_key.end());
  const bool by_content = std::any_of(mapping.columns.begin(), mapping.columns.end(), [](const core::Column& column) {
    return column.conversion == core::Conversion::kRowHash;
  });
  const bool primary = by_content || !PrimaryKey(table).empty();
  if (primary) destination.keys.push_back({.columns = mapping.conflict_key, .primary = true});
  std::vector<std::string> left;
  for (const sqlite::SourceIndex& index : table.indexes) {
    const std::vector<const ColumnDesign*> columns = Resolve(designs, index.columns);
    const std::vector<std::string> names = Names(columns);
    if (primary && index.unique && std::set<std::string>(names.begin(), names.end()) == key) continue;
    const std::string why = WhyNot(index, columns);
    if (!why.empty()) {
      left.push_back(absl::StrCat(index.name, " (", why, ")"));
    } else if (index.unique) {
      const std::string name = index.from_constraint ? "" : draft.AddIndexName(index.name);
      destination.keys.push_back({.columns = names, .name = name, .constraint = index.from_constraint});
    } else {
      destination.indexes.push_back(
          {draft.AddIndexName(index.name), absl::StrCat("USING btree (", ColumnList(names), ")")});
    }
  }
  if (!left.empty()) {
    draft.Note(absl::StrCat("table ", table.name, ": indexes not carried over: ", absl::StrJoin(left, ", ")));
  }
}

void DraftForeignKeys(Draft& draft, const std::vector<const sqlite::SourceTable*>& tables) {
  for (const sqlite::SourceTable* table : tables) {
    if (draft.carried.count(table->name) == 0) continue;
    for (const sqlite::SourceForeignKey& key : table->foreign_keys) {
      const std::string why = TryForeignKey(draft, *table, key);
      if (why.empty()) continue;
      draft.Note(absl::StrCat("table ", table->name, ": its foreign key (", absl::StrJoin(key.columns, ", "), ") to ",
                              key.parent_table, " is not carried over: ", why));
    }
  }
}

}  // namespace vecferry::profile
