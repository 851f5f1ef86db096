#include "verifier/structure_catalog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"

namespace vecferry::verifier {
namespace {

using Kind = TableObject::Kind;

constexpr char kRelationsSql[] =
    "SELECT relname, oid, relkind, row_security_active(oid), relrowsecurity, relforcerowsecurity "
    "FROM pg_catalog.pg_class WHERE relnamespace = $1 AND relname = ANY ($2::pg_catalog.name[]) "
    "AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')";

constexpr char kColumnsSql[] =
    "SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, "
    "a.attgenerated <> '', pg_catalog.pg_get_expr(d.adbin, d.adrelid), CASE WHEN a.attcollation <> y.typcollation THEN "
    "a.attcollation::pg_catalog.regcollation::pg_catalog.text END FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
    "JOIN pg_catalog.pg_type y ON y.oid = a.atttypid "
    "LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
    "WHERE c.relnamespace = $1 AND c.relname = ANY ($2::pg_catalog.name[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "ORDER BY c.relname, a.attnum";

// One row a column; a parent is named with its schema, whether it is visible or not. A key is in force when its index
// is, a foreign key when the triggers are that hold it.
constexpr char kConstraintsSql[] =
    "SELECT t.relname, c.conname, c.contype, CASE WHEN c.contype = 'f' THEN "
    "replace(pg_catalog.pg_get_constraintdef(c.oid), "
    "format(' REFERENCES %s(', c.confrelid::pg_catalog.regclass), format(' REFERENCES %I.%I(', n.nspname, p.relname)) "
    "ELSE pg_catalog.pg_get_constraintdef(c.oid) END, c.convalidated, "
    "coalesce(i.indisvalid AND i.indisready, true), c.contype = 'f' AND EXISTS (SELECT FROM pg_catalog.pg_trigger g "
    "WHERE g.tgconstraint = c.oid AND g.tgenabled NOT IN ('O', 'A')), p.relname, a.attname, pa.attname "
    "FROM pg_catalog.pg_class t JOIN pg_catalog.pg_constraint c ON c.conrelid = t.oid AND c.contype IN ('p', 'u', 'f', "
    "'c') LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u') "
    "LEFT JOIN pg_catalog.pg_class p ON p.oid = c.confrelid LEFT JOIN pg_catalog.pg_namespace n ON n.oid = "
    "p.relnamespace "
    "LEFT JOIN LATERAL unnest(c.conkey, c.confkey) AS k(own, parent) ON true "
    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own "
    "LEFT JOIN pg_catalog.pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.parent "
    "WHERE t.relnamespace = $1 AND t.relname = ANY ($2::pg_catalog.name[]) ORDER BY t.relname, c.oid";

// One row a column: of the key in order (place >= 0), then those that the predicate or an expression needs (NULL).
// The definition without the head, in which the name stands.
constexpr char kIndexesSql[] =
    "SELECT t.relname, x.relname, i.indisunique, i.indisvalid AND i.indisready, i.indpred IS NOT NULL, i.indimmediate, "
    "EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conindid = x.oid AND c.contype IN ('p', 'u', 'x')), "
    "substr(pg_catalog.pg_get_indexdef(x.oid), length(format('CREATE %sINDEX %I ON ', CASE WHEN i.indisunique THEN "
    "'UNIQUE ' ELSE '' END, x.relname)) + 1), quote_ident(t.relname), k.place, k.attname "
    "FROM pg_catalog.pg_class t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid "
    "JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN LATERAL ("
    "SELECT p.place, a.attname FROM generate_series(0, i.indnkeyatts - 1) AS p(place) LEFT JOIN "
    "pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[p.place] UNION ALL "
    "SELECT NULL, a.attname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND "
    "a.attnum = d.refobjsubid WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = x.oid AND "
    "d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid AND d.refobjsubid > 0"
    ") k ON true WHERE t.relnamespace = $1 AND t.relname = ANY ($2::pg_catalog.name[]) "
    "ORDER BY t.relname, x.oid, k.place";

constexpr char kTriggersSql[] =
    "SELECT t.relname, g.tgname, pg_catalog.pg_get_triggerdef(g.oid), g.tgenabled IN ('O', 'A') "
    "FROM pg_catalog.pg_class t JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal "
    "WHERE t.relnamespace = $1 AND t.relname = ANY ($2::pg_catalog.name[]) ORDER BY t.relname, g.tgname";

Kind KindOfConstraint(char contype) {
  switch (contype) {
    case 'p': return Kind::kPrimaryKey;
    case 'u': return Kind::kUniqueConstraint;
    case 'f': return Kind::kForeignKey;
    default: return Kind::kCheck;
  }
}

void AddRelations(const postgres::Result& rows, TableStates& tables) {
  for (int row = 0; row < rows.rows(); ++row) {
    TableState& table = tables[std::string(rows.text(row, 0))];
    table.oid = static_cast<std::uint32_t>(rows.integer(row, 1));
    table.kind = rows.text(row, 2)[0];
    table.hides_rows = rows.truth(row, 3);
    table.row_security = rows.truth(row, 4);
    table.row_security_forced = rows.truth(row, 5);
  }
}

void AddColumns(const Namespace& in, const postgres::Result& rows, TableStates& tables) {
  for (int row = 0; row < rows.rows(); ++row) {
    TableColumn& column = tables[std::string(rows.text(row, 0))].columns.emplace_back();
    column.name = std::string(rows.text(row, 1));
    column.type = std::string(rows.text(row, 2));
    column.not_null = rows.truth(row, 3);
    column.identity = rows.text(row, 4).empty() ? ' ' : rows.text(row, 4)[0];
    column.generated = rows.truth(row, 5);
    column.default_sql = ShowNames(in, rows.text(row, 6));
    column.collation = std::string(rows.text(row, 7));
  }
}

void AddConstraints(const Namespace& in, const postgres::Result& rows, TableStates& tables) {
  for (int row = 0; row < rows.rows(); ++row) {
    std::vector<TableObject>& objects = tables[std::string(rows.text(row, 0))].objects;
    const Kind kind = KindOfConstraint(rows.text(row, 2)[0]);
    if (objects.empty() || objects.back().name != rows.text(row, 1)) {
      TableObject& object = objects.emplace_back();
      object.kind = kind;
      object.name = std::string(rows.text(row, 1));
      object.definition = ShowNames(in, rows.text(row, 3));
      if (!rows.truth(row, 4)) object.defect = "not validated";
      if (!rows.truth(row, 5)) object.defect = "its index is invalid";
      if (rows.truth(row, 6)) object.defect = "the triggers that hold it are disabled";
      object.parent = std::string(rows.text(row, 7));
    }
    if (!rows.is_null(row, 8)) objects.back().columns.emplace(rows.text(row, 8));
    if (!rows.is_null(row, 9)) objects.back().parent_columns.emplace(rows.text(row, 9));
  }
}

void AddIndexes(const Namespace& in, const postgres::Result& rows, TableStates& tables) {
  for (int row = 0; row < rows.rows(); ++row) {
    TableState& table = tables[std::string(rows.text(row, 0))];
    if (table.indexes.empty() || table.indexes.back().name != rows.text(row, 1)) {
      IndexKey& key = table.indexes.emplace_back();
      key.name = std::string(rows.text(row, 1));
      key.unique = rows.truth(row, 2);
      key.valid = rows.truth(row, 3);
      key.partial = rows.truth(row, 4);
      key.immediate = rows.truth(row, 5);
      if (!rows.truth(row, 6)) {
        const std::string definition = ShowNames(in, rows.text(row, 7));
        const std::size_t head = absl::StrCat(in.shown, rows.text(row, 8), " ").size();
        TableObject& object = table.objects.emplace_back();
        object.kind = key.unique ? Kind::kUniqueIndex : Kind::kIndex;
        object.name = key.name;
        object.definition =
            absl::StrCat(key.unique ? "UNIQUE " : "", definition.substr(std::min(head, definition.size())));
        if (!key.valid) object.defect = "invalid";
      }
    }
    IndexKey& key = table.indexes.back();
    if (!rows.is_null(row, 9)) key.columns.emplace_back(rows.text(row, 10));
    const bool own_object = !table.objects.empty() && table.objects.back().name == key.name && !rows.truth(row, 6);
    if (own_object && !rows.is_null(row, 10)) table.objects.back().columns.emplace(rows.text(row, 10));
  }
}

void AddTriggers(const Namespace& in, const postgres::Result& rows, TableStates& tables) {
  for (int row = 0; row < rows.rows(); ++row) {
    TableObject& object = tables[std::string(rows.text(row, 0))].objects.emplace_back();
    object.kind = Kind::kTrigger;
    object.name = std::string(rows.text(row, 1));
    object.definition = ShowNames(in, rows.text(row, 2));
    if (!rows.truth(row, 3)) object.defect = "disabled";
  }
}

}  // namespace

const TableColumn* TableState::Find(absl::string_view column) const {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const TableColumn& candidate) { return candidate.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

absl::StatusOr<Namespace> FindSchema(postgres::Connection& session, const std::string& schema) {
  ASSIGN_OR_RETURN(
      const postgres::Result found,
      session.Execute("SELECT quote_ident($1), (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)",
                      {schema}));
  // Literals too are shown alike on both sides.
  return Namespace{found.integer(0, 1), {"pg_temp."}, absl::StrCat(found.text(0, 0), ".")};
}

absl::StatusOr<Namespace> FindTemporary(postgres::Connection& session, const Namespace& destination) {
  ASSIGN_OR_RETURN(const postgres::Result found,
                   session.Execute("SELECT oid, quote_ident(nspname) FROM pg_catalog.pg_namespace WHERE oid = "
                                   "pg_catalog.pg_my_temp_schema()"));
  Namespace temporary{0, {}, destination.shown};
  if (found.rows() == 0) return temporary;
  temporary.oid = found.integer(0, 0);
  // Before and since PostgreSQL 15.
  temporary.spellings = {absl::StrCat(found.text(0, 1), "."), "pg_temp."};
  return temporary;
}

std::string ShowNames(const Namespace& names, absl::string_view text) {
  std::vector<std::pair<std::string, std::string>> replacements;
  for (const std::string& spelling : names.spellings) replacements.emplace_back(spelling, names.shown);
  return absl::StrReplaceAll(text, replacements);
}

absl::StatusOr<TableStates> ReadTables(postgres::Connection& session, const Namespace& in,
                                       const std::vector<std::string>& tables) {
  TableStates states;
  const std::vector<postgres::Param> params = {in.oid, ArrayLiteral(tables)};
  ASSIGN_OR_RETURN(const postgres::Result relations, session.Execute(kRelationsSql, params));
  AddRelations(relations, states);
  ASSIGN_OR_RETURN(const postgres::Result columns, session.Execute(kColumnsSql, params));
  AddColumns(in, columns, states);
  ASSIGN_OR_RETURN(const postgres::Result constraints, session.Execute(kConstraintsSql, params));
  AddConstraints(in, constraints, states);
  ASSIGN_OR_RETURN(const postgres::Result indexes, session.Execute(kIndexesSql, params));
  AddIndexes(in, indexes, states);
  ASSIGN_OR_RETURN(const postgres::Result triggers, session.Execute(kTriggersSql, params));
  AddTriggers(in, triggers, states);
  return states;
}

std::string ArrayLiteral(const std::vector<std::string>& elements) {
  return absl::StrCat(
      "{",
      absl::StrJoin(elements, ",",
                    [](std::string* out, const std::string& element) {
                      absl::StrAppend(out, "\"", absl::StrReplaceAll(element, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
                    }),
      "}");
}

}  // namespace vecferry::verifier
