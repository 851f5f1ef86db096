#include "common/profile/planned.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/profile/generic.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

bool IsPlannedSource(const PlannedTable& planned, const std::string& column) {
  return std::any_of(planned.columns.begin(), planned.columns.end(),
                     [&](const PlannedColumn& candidate) { return absl::EqualsIgnoreCase(candidate.source, column); });
}

// The column of a mapping that the plan states; nullopt when the source has nothing for it.
std::optional<core::Column> FillColumn(const sqlite::SourceTable& table, const PlannedColumn& planned,
                                       core::Mapping& mapping) {
  const sqlite::SourceColumn* source = planned.source.empty() ? nullptr : FindColumn(table, planned.source);
  if (planned.conversion != core::Conversion::kMetadata && source == nullptr && planned.input_sql.empty()) {
    return std::nullopt;
  }
  if (planned.read_only) {
    AddColumnInput(mapping, planned.source);
    return std::nullopt;
  }
  core::Column column{planned.name, planned.type, planned.conversion};
  if (!planned.input_sql.empty()) {
    mapping.inputs.push_back({planned.input_sql, planned.source});
    column.input = static_cast<int>(mapping.inputs.size()) - 1;
    // The row's hash covers the plain column too.
    if (source != nullptr) AddColumnInput(mapping, source->name);
  } else if (source != nullptr) {
    column.input = AddColumnInput(mapping, source->name);
  }
  column.not_null = planned.not_null;
  column.fallback = planned.fallback;
  column.null_value = planned.null_value;
  column.element_bytes_max = planned.element_bytes_max;
  for (const std::string& other : planned.fallback_sources) {
    const sqlite::SourceColumn* found = FindColumn(table, other);
    if (found != nullptr) column.fallback_inputs.push_back(AddColumnInput(mapping, found->name));
  }
  return column;
}

absl::Status CarryExtras(Draft& draft, const sqlite::SourceTable& table, const PlannedTable& planned, bool nullable,
                         const SaidVectors& said, DraftTable& destination, core::Mapping& mapping) {
  std::vector<const sqlite::SourceColumn*> extras;
  for (const sqlite::SourceColumn& column : table.columns) {
    if (!IsPlannedSource(planned, column.name)) extras.push_back(&column);
  }
  NameSet names;
  for (const PlannedColumn& column : planned.columns) names.Take(column.name);
  ASSIGN_OR_RETURN(std::vector<ColumnDesign> designs,
                   DesignColumns(draft, table, extras, draft.Existing(destination.name), said, nullptr, names));
  for (ColumnDesign& design : designs) {
    // What the plan does not know of, its own programs do not fill.
    if (nullable || design.default_sql.empty()) {
      design.not_null = false;
      design.fallback.reset();
    }
    if (nullable) design.default_sql.clear();
    const DraftColumn* there = destination.Find(design.name);
    if (there != nullptr && there->type != design.type) design.name = names.Add(design.name);
    AddDesigned(design, destination, mapping);
    // Another source table brought a column of the same name and type.
    if (there != nullptr && destination.columns.back().name == there->name) destination.columns.pop_back();
    draft.carried[table.name].columns[design.source->name] = design.name;
  }
  return absl::OkStatus();
}

void NoteSourceIndexes(Draft& draft, const sqlite::SourceTable& table, const std::string& destination) {
  std::vector<std::string> names;
  for (const sqlite::SourceIndex& index : table.indexes) {
    if (!index.from_constraint) names.push_back(index.name);
  }
  if (names.empty()) return;
  draft.Note(absl::StrCat("table ", table.name, ": ", destination, " has the profile's own indexes in place of ",
                          absl::StrJoin(names, ", ")));
}

}  // namespace

DraftTable& AddPlannedTable(Draft& draft, const PlannedTable& planned) {
  DraftTable table{planned.name};
  for (const PlannedColumn& column : planned.columns) {
    table.columns.push_back({.name = column.name,
                             .type = column.type,
                             .not_null = column.not_null,
                             .identity = column.identity,
                             .default_sql = column.default_sql,
                             .generated_sql = column.generated_sql,
                             .check_sql = column.check_sql});
  }
  table.keys.push_back({.columns = planned.key, .primary = true});
  for (const std::vector<std::string>& columns : planned.unique) table.keys.push_back({.columns = columns});
  draft.tables.push_back(std::move(table));
  return draft.tables.back();
}

absl::StatusOr<int> FillPlanned(Draft& draft, const sqlite::SourceTable& table, const PlannedTable& planned,
                                Extras extras, const SaidVectors& said) {
  core::Mapping mapping;
  mapping.destination_table = planned.name;
  mapping.conflict_key = planned.key;
  RETURN_IF_ERROR(SetSourceKey(table, mapping));
  Carried& carried = draft.carried[table.name];
  if (carried.destination.empty()) carried.destination = planned.name;
  std::optional<core::Column> metadata;
  for (const PlannedColumn& planned_column : planned.columns) {
    std::optional<core::Column> column = FillColumn(table, planned_column, mapping);
    if (!column) continue;
    if (column->conversion == core::Conversion::kMetadata) {
      metadata = std::move(column);
      continue;
    }
    const sqlite::SourceColumn* source = FindColumn(table, planned_column.source);
    if (source != nullptr && carried.destination == planned.name) carried.columns[source->name] = column->name;
    mapping.columns.push_back(*std::move(column));
  }
  if (extras != Extras::kLeave) {
    RETURN_IF_ERROR(
        CarryExtras(draft, table, planned, extras == Extras::kNullable, said, *draft.FindTable(planned.name), mapping));
    NoteSourceIndexes(draft, table, planned.name);
  }
  if (metadata) mapping.columns.push_back(*std::move(metadata));
  return draft.AddMapping(std::move(mapping));
}

void ReferTo(Draft& draft, const std::string& table, const std::vector<std::string>& columns, const std::string& parent,
             const std::string& actions) {
  DraftTable* child = draft.FindTable(table);
  const DraftTable* referred = draft.FindTable(parent);
  if (child == nullptr || referred == nullptr) return;
  if (!IsReferable(draft, *referred, {"id"})) {
    draft.Note(absl::StrCat("table ", table, ": no foreign key to ", parent, ", whose id nothing keeps unique"));
    return;
  }
  child->foreign_keys.push_back({columns, parent, {"id"}, actions});
}

void AddPlannedIndex(Draft& draft, const std::string& table, const std::string& column, const std::string& method,
                     const std::string& where) {
  DraftTable* destination = draft.FindTable(table);
  if (draft.Existing(table) != nullptr) return;
  destination->indexes.push_back({draft.AddIndexName(absl::StrCat("idx_", table, "_", column)),
                                  absl::StrCat("USING ", method, " (", core::QuoteIdentifier(column), ")",
                                               where.empty() ? "" : " WHERE ", where)});
}

}  // namespace vecferry::profile
