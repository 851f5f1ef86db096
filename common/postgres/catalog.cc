#include "common/postgres/catalog.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"

namespace vecferry::postgres {
namespace {

absl::Status ReadDatabase(Connection& session, const std::string& schema, Catalog& catalog) {
  ASSIGN_OR_RETURN(
      const Result read,
      session.Execute("SELECT current_setting('server_encoding'), "
                      "(SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'vector'), "
                      "(SELECT default_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'), "
                      "(SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = "
                      "e.extnamespace WHERE e.extname = 'vector'), "
                      "(SELECT has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace WHERE nspname = $1), "
                      "has_database_privilege(current_database(), 'CREATE'), "
                      // What the session began with: its own setting is ours.
                      "(SELECT reset_val = 'on' FROM pg_catalog.pg_settings WHERE name = "
                      "'default_transaction_read_only')",
                      {schema}));
  catalog.encoding = std::string(read.text(0, 0));
  catalog.extension_version = std::string(read.text(0, 1));
  catalog.extension_available = std::string(read.text(0, 2));
  if (!read.is_null(0, 3)) catalog.extension_schema = std::string(read.text(0, 3));
  catalog.schema_exists = !read.is_null(0, 4);
  catalog.may_create_schema = read.truth(0, 5);
  catalog.read_only = read.truth(0, 6);
  catalog.may_create = catalog.schema_exists ? read.truth(0, 4) : catalog.may_create_schema;
  return absl::OkStatus();
}

// format_type() qualifies types outside the search path; names here have no schema.
std::string WithoutSchema(absl::string_view type) {
  const std::size_t parenthesis = type.find('(');
  const absl::string_view name = type.substr(0, parenthesis);
  const std::size_t dot = name.rfind('.');
  return std::string(dot == absl::string_view::npos ? type : type.substr(dot + 1));
}

absl::Status ReadTables(Connection& session, const std::string& schema, Catalog& catalog) {
  ASSIGN_OR_RETURN(
      const Result tables,
      session.Execute("SELECT c.oid, c.relname, c.relkind, row_security_active(c.oid), c.relkind = 'r' AND "
                      "EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid), EXISTS "
                      "(SELECT FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid AND w.ev_type IN "
                      "('2', '3')) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
                      "WHERE n.nspname = $1 "
                      "AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')",
                      {schema}));
  for (int row = 0; row < tables.rows(); ++row) {
    CatalogTable& table = catalog.tables[std::string(tables.text(row, 1))];
    table.oid = static_cast<std::uint32_t>(tables.integer(row, 0));
    table.kind = tables.text(row, 2)[0];
    table.hides_rows = tables.truth(row, 3);
    table.has_children = tables.truth(row, 4);
    table.rewrites_rows = tables.truth(row, 5);
  }
  ASSIGN_OR_RETURN(
      const Result columns,
      session.Execute(
          "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.atttypmod, a.attnotnull OR "
          "y.typnotnull, a.atthasdef OR y.typdefault IS NOT NULL, a.attidentity <> '', a.attgenerated <> '' "
          "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid JOIN "
          "pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = "
          "c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 "
          "AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
          {schema}));
  for (int row = 0; row < columns.rows(); ++row) {
    CatalogColumn& column = catalog.tables[std::string(columns.text(row, 0))].columns.emplace_back();
    column.name = std::string(columns.text(row, 1));
    column.type = WithoutSchema(columns.text(row, 2));
    column.typmod = static_cast<int>(columns.integer(row, 3));
    column.not_null = columns.truth(row, 4);
    column.has_default = columns.truth(row, 5);
    column.identity = columns.truth(row, 6);
    column.generated = columns.truth(row, 7);
  }
  return absl::OkStatus();
}

absl::Status ReadIndexes(Connection& session, const std::string& schema, Catalog& catalog) {
  // One row a key column, NULL for an index with an expression; included columns are no key.
  ASSIGN_OR_RETURN(
      const Result indexes,
      session.Execute("SELECT t.relname, c.relname, i.indisunique, i.indisprimary, i.indisvalid AND i.indisready, "
                      "i.indpred IS NOT NULL, NOT i.indimmediate, CASE WHEN i.indexprs IS NULL THEN a.attname END "
                      "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN "
                      "pg_catalog.pg_class t ON t.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = "
                      "t.relnamespace CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS k(place) LEFT JOIN "
                      "pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.place] WHERE "
                      "n.nspname = $1 ORDER BY t.relname, c.relname, k.place",
                      {schema}));
  for (int row = 0; row < indexes.rows(); ++row) {
    std::vector<CatalogIndex>& of_table = catalog.tables[std::string(indexes.text(row, 0))].indexes;
    if (of_table.empty() || of_table.back().name != indexes.text(row, 1)) {
      CatalogIndex& index = of_table.emplace_back();
      index.name = std::string(indexes.text(row, 1));
      index.unique = indexes.truth(row, 2);
      index.primary = indexes.truth(row, 3);
      index.valid = indexes.truth(row, 4);
      index.partial = indexes.truth(row, 5);
      index.deferrable = indexes.truth(row, 6);
    }
    if (!indexes.is_null(row, 7)) of_table.back().columns.emplace_back(indexes.text(row, 7));
  }
  return absl::OkStatus();
}

absl::Status ReadForeignKeys(Connection& session, const std::string& schema, Catalog& catalog) {
  ASSIGN_OR_RETURN(const Result keys,
                   session.Execute("SELECT t.relname, c.conname, p.relname FROM pg_catalog.pg_constraint c JOIN "
                                   "pg_catalog.pg_class t ON t.oid = c.conrelid JOIN pg_catalog.pg_class p ON p.oid = "
                                   "c.confrelid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace AND n.oid = "
                                   "p.relnamespace WHERE n.nspname = $1 AND c.contype = 'f' ORDER BY 1, 2",
                                   {schema}));
  for (int row = 0; row < keys.rows(); ++row) {
    catalog.tables[std::string(keys.text(row, 0))].foreign_keys.push_back(
        {std::string(keys.text(row, 1)), std::string(keys.text(row, 2))});
  }
  return absl::OkStatus();
}

// A table that may not be read counts as one with rows: the safe answer for a loader.
absl::Status ReadHasRows(Connection& session, const std::string& schema, Catalog& catalog) {
  for (auto& [name, table] : catalog.tables) {
    if (table.kind != 'r' && table.kind != 'p') continue;
    const auto found =
        session.Execute(absl::StrCat("SELECT EXISTS (SELECT FROM ", core::QualifiedName(schema, name), ")"));
    if (!found.ok() && !absl::IsPermissionDenied(found.status())) return found.status();
    table.has_rows = !found.ok() || found->truth(0, 0);
  }
  return absl::OkStatus();
}

absl::Status ReadRegistry(Connection& session, const std::string& schema, Catalog& catalog) {
  const auto table = catalog.tables.find("embedding_model");
  if (table == catalog.tables.end() || !table->second.has_rows) return absl::OkStatus();
  std::string columns;
  for (const char* wanted : {"name", "dimension", "hash"}) {
    bool found = false;
    for (const CatalogColumn& column : table->second.columns) found = found || column.name == wanted;
    if (!found && absl::string_view(wanted) != "hash") return absl::OkStatus();  // another application's table
    absl::StrAppend(&columns, columns.empty() ? "" : ", ", found ? absl::StrCat(wanted, "::text") : "''");
  }
  ASSIGN_OR_RETURN(const Result row, session.Execute(absl::StrCat("SELECT ", columns, " FROM ",
                                                                  core::QualifiedName(schema, "embedding_model"),
                                                                  " ORDER BY 1, 2 LIMIT 1")));
  int dimension = 0;
  if (row.rows() == 0 || !absl::SimpleAtoi(row.text(0, 1), &dimension)) return absl::OkStatus();
  catalog.registry = core::EmbeddingModel{std::string(row.text(0, 0)), dimension, std::string(row.text(0, 2))};
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Catalog> ReadCatalog(Connection& session, absl::string_view schema) {
  const std::string name(schema);
  Catalog catalog;
  catalog.server_version = session.server_version();
  RETURN_IF_ERROR(ReadDatabase(session, name, catalog));
  RETURN_IF_ERROR(ReadTables(session, name, catalog));
  RETURN_IF_ERROR(ReadIndexes(session, name, catalog));
  RETURN_IF_ERROR(ReadForeignKeys(session, name, catalog));
  RETURN_IF_ERROR(ReadHasRows(session, name, catalog));
  RETURN_IF_ERROR(ReadRegistry(session, name, catalog));
  return catalog;
}

}  // namespace vecferry::postgres
