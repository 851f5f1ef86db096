#ifndef VECFERRY_COMMON_SQLITE_SCHEMA_H_
#define VECFERRY_COMMON_SQLITE_SCHEMA_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/sqlite/database.h"

namespace vecferry::sqlite {

struct SourceColumn {
  std::string name;
  std::string declared_type;  // "" = none
  bool not_null = false;
  std::optional<std::string> default_sql;
  int primary_key = 0;                       // place in the primary key from 1; 0 = not part
  bool generated = false;                    // virtual or stored: read like any other
  std::string collation = "BINARY";          // the column's own; of a primary key column, the one that orders the key
  std::string default_collation = "BINARY";  // the column's own: what a comparison with it uses unasked
  bool descending = false;                   // primary key column of a WITHOUT ROWID table
};

struct SourceForeignKey {
  std::vector<std::string> columns;
  std::string parent_table;
  std::vector<std::string> parent_columns;  // resolved to the parent's primary key when not said
  std::string on_update, on_delete;         // "NO ACTION", "CASCADE", ...
};

struct SourceIndex {
  std::string name;
  bool unique = false, partial = false, from_constraint = false;  // UNIQUE or PRIMARY KEY constraint
  std::vector<std::string> columns;                               // empty when an expression is among them
};

enum class TableKind { kOrdinary, kVirtual, kShadow, kView };

struct SourceTable {
  std::string name;
  TableKind kind = TableKind::kOrdinary;
  bool without_rowid = false, strict = false, autoincrement = false;
  std::vector<SourceColumn> columns;  // hidden columns of virtual tables left out
  std::vector<SourceForeignKey> foreign_keys;
  std::vector<SourceIndex> indexes;
  std::string virtual_module;  // kVirtual: fts5, vec0, ...; kShadow: that of its owner
  // kShadow: the virtual table. Also set, with virtual_module, for the shadow tables of vec0, which are kOrdinary: they
  // hold rows that are nowhere else, and vec0 itself cannot be read without its extension.
  std::string owner;
  std::optional<std::int64_t> sequence;  // sqlite_sequence's high-water mark
  // An expression that names the rowid ("rowid", "_rowid_" or "oid", whichever no column hides); "" = hidden or none.
  std::string rowid_name;
};

struct SourceSchema {
  std::vector<SourceTable> tables;                         // all but sqlite_*; ordered by name
  std::string hash;                                        // of everything above that a plan rests on
  std::string encoding;                                    // UTF-8, UTF-16le, UTF-16be
  const SourceTable* Find(const std::string& name) const;  // exact, else by SQLite's case-insensitive rule
};

absl::StatusOr<SourceSchema> ReadSchema(Database& database);

// The declared primary key's columns in its order; empty = none.
std::vector<std::string> PrimaryKeyColumns(const SourceTable& table);

// How positions in `table` are said, for a FROM clause that calls it `t`: its rowid, or its primary key in the table's
// own order. An expression may end in " DESC". Reported inputs are left to the caller.
// kInvalidArgument: a rowid that no name reaches.
absl::StatusOr<core::SourceKey> MakeSourceKey(const SourceTable& table);

// Row and byte estimates and shard boundaries of one mapping: about `shard_bytes_max` each by sampled row sizes
// (length() of at most 1,000 rows), 1 to 4,096 shards that tile the key space, both ends open.
struct Sharding {
  std::int64_t rows = 0;                // exact where cheap, else an estimate
  std::int64_t bytes = 0;               // estimate
  std::vector<std::string> boundaries;  // records, ascending in the table's order; shards = boundaries + 1
};
absl::StatusOr<Sharding> PlanShards(Database& database, const core::Mapping& mapping, std::int64_t shard_bytes_max);

// SELECT of one mapping over lower <= key < upper, key > after and key <= through, in key order, without sorting: key
// expressions first, then inputs. All four are records, bound as parameters. `t` must be the outermost loop: join
// others to it by LEFT JOIN or CROSS JOIN.
struct RangeQuery {
  std::string sql;
  std::vector<core::Value> parameters;
};
absl::StatusOr<RangeQuery> MakeRangeQuery(const core::Mapping& mapping, const std::optional<std::string>& lower,
                                          const std::optional<std::string>& upper,
                                          const std::optional<std::string>& after,
                                          const std::optional<std::string>& through = std::nullopt);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SCHEMA_H_
