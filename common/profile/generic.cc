#include "common/profile/generic.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/profile/content_key.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

using core::PgKind;

constexpr std::size_t kColumnsMax = 1599;  // of a Postgres table, less the one that the writer's stage adds
constexpr int kFixedRowBytesMax = 8000;    // a row's columns, but for what moves out of line, share one page
constexpr int kOutOfLinePointerBytes = 18;
constexpr std::int64_t kKeyColumnBytes = 4 + 16;  // a field's length, and the longest of a fixed size

const ColumnDesign* Find(const std::vector<ColumnDesign>& designs, const std::string& source_column) {
  for (const ColumnDesign& design : designs) {
    if (absl::EqualsIgnoreCase(design.source->name, source_column)) return &design;
  }
  return nullptr;
}

bool FitIndex(const std::vector<ColumnDesign>& designs, const std::vector<std::string>& columns) {
  std::int64_t bytes = 0;
  for (const std::string& column : columns) {
    const ColumnDesign* design = Find(designs, column);
    bytes += kKeyColumnBytes;
    if (design != nullptr && design->type.kind != PgKind::kUuid) bytes += design->bytes_longest;
  }
  return bytes <= core::kKeyBytesMax;
}

// The columns that tell rows apart at the source: the primary key, else a unique index over columns without NULL.
// Empty: none that an index of Postgres can hold.
std::vector<std::string> FindKey(Draft& draft, const sqlite::SourceTable& table,
                                 const std::vector<ColumnDesign>& designs) {
  std::vector<std::string> key;
  for (const sqlite::SourceColumn* column : PrimaryKey(table)) key.push_back(column->name);
  if (!key.empty()) {
    if (FitIndex(designs, key)) return key;
    draft.Note(absl::StrCat("table ", table.name, ": a value of its primary key is longer than an index entry may be"));
    return {};
  }
  for (const sqlite::SourceIndex& index : table.indexes) {
    if (!index.unique || index.partial || index.columns.empty() || !FitIndex(designs, index.columns)) continue;
    const bool filled = std::all_of(index.columns.begin(), index.columns.end(), [&](const std::string& column) {
      const ColumnDesign* design = Find(designs, column);
      return design != nullptr && design->not_null;
    });
    if (filled) return index.columns;
  }
  return {};
}

absl::Status CheckWidth(Draft& draft, const DraftTable& table) {
  if (table.columns.size() > kColumnsMax) {
    return absl::InvalidArgumentError(absl::StrCat("table ", table.name, " would have ", table.columns.size(),
                                                   " columns; at most ", kColumnsMax,
                                                   " can be carried: leave it out with --skip ", table.name));
  }
  int bytes = 0;
  for (const DraftColumn& column : table.columns) {
    switch (column.type.kind) {
      case PgKind::kBool: bytes += 1; break;
      case PgKind::kInt2: bytes += 2; break;
      case PgKind::kInt4: bytes += 4; break;
      case PgKind::kInt8:
      case PgKind::kFloat8:
      case PgKind::kTimestamptz: bytes += 8; break;
      case PgKind::kUuid: bytes += 16; break;
      default: bytes += kOutOfLinePointerBytes;
    }
  }
  if (bytes > kFixedRowBytesMax) {
    draft.Note(absl::StrCat("table ", table.name, " has ", table.columns.size(),
                            " columns: a row with most of them set "
                            "does not fit into a page of Postgres and is rejected"));
  }
  return absl::OkStatus();
}

// The highest number that `column` has, or had.
absl::StatusOr<std::int64_t> HighWaterMark(sqlite::Database& source, const sqlite::SourceTable& table,
                                           const std::string& column) {
  ASSIGN_OR_RETURN(const core::Value highest,
                   source.QueryValue(absl::StrCat("SELECT max(", core::QuoteIdentifier(column), ") FROM ",
                                                  core::QuoteIdentifier(table.name))));
  const std::int64_t used = highest.storage == core::StorageClass::kInteger ? highest.integer : 0;
  return std::max(used, table.sequence.value_or(0));
}

// INTEGER PRIMARY KEY: numbered by Postgres from where SQLite would go on.
absl::Status MakeIdentity(Draft& draft, const sqlite::SourceTable& table, const ColumnDesign& design,
                          DraftTable& destination) {
  ASSIGN_OR_RETURN(const std::int64_t value, HighWaterMark(draft.input.source, table, design.source->name));
  destination.sequences.push_back({design.name, value});
  for (DraftColumn& column : destination.columns) {
    if (column.name != design.name) continue;
    column.identity = true;
    column.not_null = true;
    column.default_sql.clear();
  }
  // The name that Postgres gives the sequence.
  draft.relations.Add(JoinName(destination.name, {design.name}, "seq"));
  return absl::OkStatus();
}

void SetKeyColumns(const std::vector<ColumnDesign>& designs, const std::vector<std::string>& key,
                   DraftTable& destination, core::Mapping& mapping) {
  for (const std::string& source_column : key) {
    const std::string& name = Find(designs, source_column)->name;
    mapping.conflict_key.push_back(name);
    for (DraftColumn& column : destination.columns) {
      if (column.name == name) column.not_null = true;
    }
    for (core::Column& column : mapping.columns) {
      if (column.name != name) continue;
      // A key is never made up: a row whose key cannot be said is rejected.
      column.not_null = true;
      column.fallback.reset();
    }
  }
}

}  // namespace

absl::Status DraftGenericTable(Draft& draft, const sqlite::SourceTable& table, const SaidVectors& said,
                               const IdRule& id_rule) {
  DraftTable destination{draft.relations.Add(table.name)};
  if (destination.name != table.name) {
    draft.Note(absl::StrCat("table ", table.name, " is named ", destination.name, " at the destination"));
  }
  core::Mapping mapping;
  mapping.destination_table = destination.name;
  RETURN_IF_ERROR(SetSourceKey(table, mapping));
  std::vector<const sqlite::SourceColumn*> columns;
  for (const sqlite::SourceColumn& column : table.columns) columns.push_back(&column);
  NameSet names;
  ASSIGN_OR_RETURN(const std::vector<ColumnDesign> designs,
                   DesignColumns(draft, table, columns, draft.Existing(destination.name), said, id_rule, names));
  Carried& carried = draft.carried[table.name];
  carried.destination = destination.name;
  for (const ColumnDesign& design : designs) {
    AddDesigned(design, destination, mapping);
    AddVectorIndex(draft, destination, design.name, design.type, "");
    carried.columns[design.source->name] = design.name;
  }
  const std::vector<std::string> key = FindKey(draft, table, designs);
  ASSIGN_OR_RETURN(const bool alias, IsRowidAlias(draft.input.source, table));
  if (alias) RETURN_IF_ERROR(MakeIdentity(draft, table, *Find(designs, key.at(0)), destination));
  if (key.empty()) {
    RETURN_IF_ERROR(AddContentKey(draft, table, names, destination, mapping));
  } else {
    SetKeyColumns(designs, key, destination, mapping);
  }
  RETURN_IF_ERROR(CheckWidth(draft, destination));
  DraftKeysAndIndexes(draft, table, designs, destination, mapping);
  draft.tables.push_back(std::move(destination));
  draft.AddMapping(std::move(mapping));
  return absl::OkStatus();
}

absl::Status DraftGeneric(Draft& draft, const std::vector<const sqlite::SourceTable*>& tables,
                          const SaidVectors& said) {
  // Names that need no change come first, so that a changed one never takes another table's.
  for (const sqlite::SourceTable* table : tables) {
    RETURN_IF_ERROR(DraftGenericTable(draft, *table, said, nullptr));
  }
  DraftForeignKeys(draft, tables);
  return absl::OkStatus();
}

absl::Status RenewSequences(sqlite::Database& source, const sqlite::SourceSchema& schema, core::Plan& plan) {
  for (core::FinishStep& step : plan.steps) {
    if (step.kind != core::StepKind::kSequence) continue;
    for (const core::Mapping& mapping : plan.mappings) {
      if (mapping.destination_table != step.table) continue;
      const auto column = std::find_if(mapping.columns.begin(), mapping.columns.end(),
                                       [&](const core::Column& candidate) { return candidate.name == step.name; });
      if (column == mapping.columns.end() || column->input < 0) continue;
      ASSIGN_OR_RETURN(step.value, HighWaterMark(source, *schema.Find(mapping.source_table),
                                                 mapping.inputs[column->input].source_column));
    }
  }
  return absl::OkStatus();
}

}  // namespace vecferry::profile
