#include "verifier/compared_table.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "verifier/row_image.h"

namespace vecferry::verifier {
namespace {

int PlaceOf(const std::vector<ComparedColumn>& columns, absl::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const ComparedColumn& column) { return absl::string_view(column.name) == name; });
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

struct Unfilled {
  std::string name, type, default_sql;
};

// The table's columns, generated ones left out, in its order.
absl::StatusOr<std::vector<Unfilled>> ReadColumns(postgres::Connection& session, const std::string& qualified) {
  ASSIGN_OR_RETURN(
      const postgres::Result rows,
      session.Execute("SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), "
                      "coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') FROM pg_catalog.pg_attribute a "
                      "LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
                      "WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' "
                      "AND a.attidentity = '' ORDER BY a.attnum",
                      {qualified}));
  std::vector<Unfilled> columns;
  for (int row = 0; row < rows.rows(); ++row) {
    columns.push_back({std::string(rows.text(row, 0)), std::string(rows.text(row, 1)), std::string(rows.text(row, 2))});
  }
  return columns;
}

// A default that calls nothing: literals, with or without a cast.
bool IsConstant(const std::string& sql) {
  bool quoted = false;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (c == '(' && !quoted) return false;
  }
  return !absl::StrContains(sql, "CURRENT_") && !absl::StrContains(sql, "LOCALTIME");
}

// What Postgres makes of a constant default, read as a row would be.
absl::StatusOr<Constant> EvaluateDefault(postgres::Connection& session, const Unfilled& column,
                                         const core::PgType& type) {
  if (column.default_sql.empty()) return Constant();
  const std::string one_row = absl::StrCat("(SELECT (", column.default_sql, ")::", column.type, " AS value) AS made");
  ASSIGN_OR_RETURN(DestinationRows rows, DestinationRows::Open(session, one_row, {{"value", type}}, ""));
  RowImage image;
  Constant constant;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Next(image));
    if (!more) return constant;
    if (image.field(0)) constant = std::string(*image.field(0));
  }
}

// The type without its schema, as core::ParsePgType reads it.
absl::StatusOr<core::PgType> ParseType(const std::string& type) {
  const std::size_t dot = type.rfind('.', type.find('('));
  return core::ParsePgType(dot == std::string::npos ? type : type.substr(dot + 1));
}

Filling Fill(const core::Mapping& mapping, const std::vector<ComparedColumn>& columns) {
  Filling filling{&mapping, {}, std::vector<Constant>(columns.size())};
  for (const ComparedColumn& column : columns) {
    const auto found = std::find_if(mapping.columns.begin(), mapping.columns.end(),
                                    [&](const core::Column& candidate) { return candidate.name == column.name; });
    filling.places.push_back(found == mapping.columns.end() ? -1 : static_cast<int>(found - mapping.columns.begin()));
  }
  filling.same_order = filling.places.size() == mapping.columns.size();
  for (std::size_t i = 0; i < filling.places.size(); ++i) {
    filling.same_order = filling.same_order && filling.places[i] == static_cast<int>(i);
  }
  return filling;
}

void AddMappedColumns(const core::Mapping& mapping, ComparedTable& table) {
  for (const core::Column& column : mapping.columns) {
    if (PlaceOf(table.columns, column.name) < 0) table.columns.push_back({column.name, column.type});
  }
}

bool Fills(const core::Mapping& mapping, const std::string& column) {
  return std::any_of(mapping.columns.begin(), mapping.columns.end(),
                     [&](const core::Column& candidate) { return candidate.name == column; });
}

}  // namespace

std::set<std::string> MappedTables(const core::Plan& plan) {
  std::set<std::string> tables;
  for (const core::Mapping& mapping : plan.mappings) tables.insert(mapping.destination_table);
  return tables;
}

absl::StatusOr<ComparedTable> LayOutTable(postgres::Connection& session, const core::Plan& plan,
                                          const std::string& name) {
  ComparedTable table{.name = name};
  std::vector<const core::Mapping*> mappings;
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.destination_table != name) continue;
    mappings.push_back(&mapping);
    table.fresh = table.fresh && mapping.mode == core::LoadMode::kFresh;
    AddMappedColumns(mapping, table);
  }
  const std::string insert =
      absl::StrCat("INSERT INTO ", core::QualifiedName(plan.identity.destination_schema, name), " ");
  table.seeded = std::count_if(plan.seed_sql.begin(), plan.seed_sql.end(),
                               [&](const std::string& sql) { return absl::StartsWith(sql, insert); });
  std::vector<std::pair<std::string, Constant>> constants;
  ASSIGN_OR_RETURN(const std::vector<Unfilled> columns,
                   ReadColumns(session, core::QualifiedName(plan.identity.destination_schema, name)));
  for (const Unfilled& column : columns) {
    const bool filled_by_all = std::all_of(mappings.begin(), mappings.end(),
                                           [&](const core::Mapping* mapping) { return Fills(*mapping, column.name); });
    if (filled_by_all) continue;
    const bool mapped = PlaceOf(table.columns, column.name) >= 0;
    const absl::StatusOr<core::PgType> type = ParseType(column.type);
    // In a table that existed others may have written what no mapping fills.
    if (!table.fresh || !type.ok() || !IsConstant(column.default_sql)) {
      if (table.fresh) table.left_out.push_back(column.name);
      if (mapped) std::erase_if(table.columns, [&](const ComparedColumn& other) { return other.name == column.name; });
      continue;
    }
    ASSIGN_OR_RETURN(Constant constant, EvaluateDefault(session, column, *type));
    constants.emplace_back(column.name, std::move(constant));
    if (!mapped) table.columns.push_back({column.name, *type});
  }
  for (const std::string& key : mappings[0]->conflict_key) table.key.push_back(PlaceOf(table.columns, key));
  for (const core::Mapping* mapping : mappings) {
    Filling& filling = table.fillings.emplace_back(Fill(*mapping, table.columns));
    for (const auto& [column, constant] : constants) {
      filling.constants[static_cast<std::size_t>(PlaceOf(table.columns, column))] = constant;
    }
  }
  return table;
}

int FindColumn(const ComparedTable& table, absl::string_view name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

int FindModel(const ComparedTable& table) {
  const int model = FindColumn(table, "model");
  return model >= 0 ? model : FindColumn(table, "embedding_model");
}

}  // namespace vecferry::verifier
