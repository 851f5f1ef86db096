#ifndef VECFERRY_COMMON_POSTGRES_CATALOG_H_
#define VECFERRY_COMMON_POSTGRES_CATALOG_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {

// What the destination holds already: read once for the plan. Plain data.

struct CatalogColumn {
  std::string name;
  std::string type;  // format_type(), such as "text", "vector(384)", without schema
  int typmod = -1;
  bool not_null = false, has_default = false, identity = false, generated = false;
};

struct CatalogIndex {
  std::string name;
  std::vector<std::string> columns;  // empty for expressions
  bool unique = false, primary = false, valid = false, partial = false, deferrable = false;
};

// To a table of the same schema.
struct CatalogForeignKey {
  std::string name, parent_table;
};

struct CatalogTable {
  std::uint32_t oid = 0;
  char kind = 'r';             // pg_class.relkind
  bool hides_rows = false;     // row-level security applies to this role
  bool has_children = false;   // by inheritance; partitions are none
  bool rewrites_rows = false;  // by rules on INSERT or UPDATE
  std::vector<CatalogColumn> columns;
  std::vector<CatalogIndex> indexes;
  std::vector<CatalogForeignKey> foreign_keys;
  bool has_rows = false;
};

struct Catalog {
  int server_version = 0;
  std::string encoding;             // server_encoding
  bool read_only = false;           // default_transaction_read_only is set for server, database or role
  std::string extension_version;    // of pgvector; "" = not installed in this database
  std::string extension_available;  // default version that CREATE EXTENSION would install; "" = none
  std::string extension_schema = "public";
  bool schema_exists = false;
  bool may_create = false;                     // in the schema, or of a schema when it is absent
  bool may_create_schema = false;              // CREATE on the database: needed for the ledger the first time
  std::map<std::string, CatalogTable> tables;  // relations of the destination schema, by name
  // Row of `embedding_model` in the destination schema, if that table exists and has one.
  std::optional<core::EmbeddingModel> registry;
};

absl::StatusOr<Catalog> ReadCatalog(Connection& session, absl::string_view schema);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_CATALOG_H_
