#include "common/profile/draft.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/profile/source.h"

namespace vecferry::profile {

const DraftColumn* DraftTable::Find(const std::string& column) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const DraftColumn& candidate) { return candidate.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

bool DraftTable::IsUnique(const std::vector<std::string>& asked) const {
  const std::set<std::string> wanted(asked.begin(), asked.end());
  return std::any_of(keys.begin(), keys.end(), [&](const DraftKey& key) {
    return std::set<std::string>(key.columns.begin(), key.columns.end()) == wanted;
  });
}

Draft::Draft(const PlanInput& plan_input) : input(plan_input) {
  plan.identity = input.identity;
  plan.source_schema_hash = input.schema.hash;
  if (input.destination == nullptr) return;
  plan.extension_schema = input.destination->extension_schema;
  for (const auto& [name, table] : input.destination->tables) {
    for (const postgres::CatalogIndex& index : table.indexes) relations.Take(index.name);
  }
}

const postgres::CatalogTable* Draft::Existing(const std::string& table) const {
  if (input.destination == nullptr) return nullptr;
  const auto found = input.destination->tables.find(table);
  return found == input.destination->tables.end() ? nullptr : &found->second;
}

DraftTable* Draft::FindTable(const std::string& table) {
  const auto found =
      std::find_if(tables.begin(), tables.end(), [&](const DraftTable& candidate) { return candidate.name == table; });
  return found == tables.end() ? nullptr : &*found;
}

std::string Draft::Qualified(const std::string& name) const {
  return core::QualifiedName(input.identity.destination_schema, name);
}

std::string Draft::TypeSql(const core::PgType& type) const { return core::ToSql(type, plan.extension_schema); }

std::string Draft::AddIndexName(const std::string& wanted) {
  if (Existing(wanted) != nullptr) relations.Take(wanted);
  return relations.Add(wanted);
}

int Draft::AddMapping(core::Mapping mapping) {
  mapping.id = static_cast<int>(plan.mappings.size());
  plan.mappings.push_back(std::move(mapping));
  return plan.mappings.back().id;
}

int AddColumnInput(core::Mapping& mapping, const std::string& column) {
  const std::string sql = OfTable(column);
  for (std::size_t i = 0; i < mapping.inputs.size(); ++i) {
    if (mapping.inputs[i].sql == sql) return static_cast<int>(i);
  }
  mapping.inputs.push_back({sql, column});
  return static_cast<int>(mapping.inputs.size()) - 1;
}

absl::Status SetSourceKey(const sqlite::SourceTable& table, core::Mapping& mapping) {
  mapping.source_table = table.name;
  mapping.from_sql = absl::StrCat(core::QuoteIdentifier(table.name), " AS t");
  const std::vector<const sqlite::SourceColumn*> key = PrimaryKey(table);
  for (const sqlite::SourceColumn* column : key) {
    mapping.key.reported_inputs.push_back(AddColumnInput(mapping, column->name));
    mapping.key.reported_columns.push_back(column->name);
  }
  if (!table.without_rowid && !table.rowid_name.empty()) {
    mapping.key.expressions = {absl::StrCat("t.", table.rowid_name)};
    return absl::OkStatus();
  }
  // Other keys of a rowid table may be NULL, and no range holds a NULL.
  const bool alias = key.size() == 1 && absl::EqualsIgnoreCase(key[0]->declared_type, "INTEGER");
  if (!table.without_rowid && !alias) {
    return absl::FailedPreconditionError(
        absl::StrCat("table ", table.name,
                     " cannot be read in pieces: its columns rowid, _rowid_ and oid hide the rowid "
                     "and no INTEGER PRIMARY KEY stands for it; leave it out with --skip ",
                     table.name));
  }
  mapping.key.is_rowid = false;
  for (const sqlite::SourceColumn* column : key) {
    mapping.key.expressions.push_back(absl::StrCat(OfTable(column->name), " COLLATE ", column->collation));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::profile
