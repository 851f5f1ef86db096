#ifndef VECFERRY_COMMON_CORE_PLAN_H_
#define VECFERRY_COMMON_CORE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/core/types.h"

namespace vecferry::core {

// What the fields of one row's key may have together in a tuple, their 4-byte lengths included. An entry of a btree
// ends at 2,704 bytes: 8 are its head, and up to 32 columns lose 3 each by alignment. Postgres may compress long texts,
// which nothing here counts on.
inline constexpr std::int64_t kKeyBytesMax = 2600;

// The plan of a migration: frozen before the first row moves, stored in the ledger (as vecferry.v1.Plan), never
// redrawn; a resume by which the source has changed renews what hangs on its rows (profile::RenewPlan). Plain data.

inline constexpr int kPlanFormat = 1;

// What makes two commands the same migration (protocol section 1). Compared after resolving defaults.
struct Identity {
  std::string source_kind = "sqlite";
  std::string source_path;  // real path
  std::string destination_schema;
  std::string profile;                      // as asked: auto, vestige, generic
  std::vector<std::string> only;            // sorted
  std::vector<std::string> skip;            // sorted
  std::vector<std::string> vector_columns;  // "T.C:DIM", sorted
  std::string on_conflict = "skip";         // skip | update | fail
  std::int64_t max_row_bytes = 64 << 20;
  bool allow_model_mismatch = false;
  bool operator==(const Identity&) const = default;
};

// One expression of a mapping's source query.
struct Input {
  std::string sql;            // SQLite expression; the mapping's own table has the alias t
  std::string source_column;  // as issues name it; "" when it is no column (a constant, a computed flag)
};

enum class Conversion {
  kNatural,      // the rules of interface section 4 for the column's type
  kId,           // the row's own id -> uuid; a repaired id is an issue, the original goes to the metadata column
  kIdReference,  // an id that another row owns -> uuid by the same rule, silently
  kIdMention,    // as kIdReference, but nothing guarantees the owner's row: a changed text is a repaired issue
  kMainVector,   // the vector where its dimension is the column's, else NULL; silent about everything
  kRowHash,      // XXH3-128 of all inputs as bytea: the key of a table that has none
  kMetadata,     // jsonb object of what this row's other columns moved away, {"vecferry": {...}}, else {}
};

// One destination column.
struct Column {
  std::string name;
  PgType type;
  Conversion conversion = Conversion::kNatural;
  int input = -1;  // index into Mapping::inputs; -1 for kRowHash and kMetadata
  bool not_null = false;
  // What a value becomes that the type cannot hold (repaired): the text form of a value of `type`; nullopt = NULL.
  std::optional<std::string> fallback;
  // kTimestamptz: inputs tried in turn before `fallback`.
  std::vector<int> fallback_inputs;
  // What an SQL NULL becomes, silently (model: NULL -> ''); nullopt = stays NULL. A NULL in a not_null column without
  // it is repaired with `fallback`.
  std::optional<std::string> null_value;
  // kTextArray: longer elements move to the metadata column (repaired). kText: a longer text does, and the column takes
  // its fallback. 0 = no bound.
  std::int64_t element_bytes_max = 0;
};

enum class LoadMode { kFresh, kMerge };

// How a position in the source is said: the source key.
struct SourceKey {
  bool is_rowid = true;
  // The key's SQL expressions in order: {"t.rowid"}, or the primary key's columns of a WITHOUT ROWID table, each with
  // its collation, so that `ORDER BY` them is the table's own order.
  std::vector<std::string> expressions;
  // Inputs that readers of reports know the row by (the declared primary key), and their column names.
  // Empty for a table without one: the rowid is told.
  std::vector<int> reported_inputs;
  std::vector<std::string> reported_columns;
};

// One destination table of the plan, and the source query that fills it.
struct Mapping {
  int id = 0;                // its place in Plan::mappings
  std::string source_table;  // as reports name it
  std::string destination_table;
  bool counted = true;   // false: a second destination row of a source row that another mapping counts
  int counted_by = -1;   // !counted: the mapping that counts these rows; a row it rejects is left out here too
  std::string from_sql;  // FROM clause, such as "knowledge_nodes" AS t LEFT JOIN ...; one row a source key
  SourceKey key;
  std::vector<Input> inputs;              // SELECT list; the source row's hash covers all of them
  std::vector<Column> columns;            // COPY column list; a kMetadata column is the last
  std::vector<std::string> conflict_key;  // destination columns of the row's key; primary key and ON CONFLICT target
  LoadMode mode = LoadMode::kFresh;
  std::vector<int> parents;  // mappings that this one's foreign keys refer to (itself left out)
  // kMerge: foreign keys of the existing table whose parent may come later in the migration: of the same table, round a
  // cycle, or of a table that has such rows itself. A row that they refuse waits for the finish.
  std::vector<std::string> waiting_keys;
  // Source keys (records) whose row another row precedes under the same destination key: rejected `duplicate_key`.
  std::vector<std::string> duplicates;
  std::int64_t rows_estimate = 0;
  std::int64_t bytes_estimate = 0;
};

// A destination table: mapped or made empty.
struct Table {
  std::string name;
  std::string create_sql;  // CREATE TABLE without keys and indexes; run when the table does not exist
  bool existed = false;    // then its mappings are `merge` and its finish steps are left out
  std::uint32_t oid = 0;   // of the table that this migration made; 0 before
};

// A frozen key range of one mapping: keys k with lower <= k < upper; nullopt = open. Bounds are records.
struct Shard {
  int id = 0;  // unique in the migration, from 0
  int mapping = 0;
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

enum class StepKind { kSql, kConstraint, kIndex, kForeignKey, kSequence, kTrigger, kAnalyze };

// One thing to do after the load. Every step looks into the catalogs whether its result is there.
struct FinishStep {
  StepKind kind = StepKind::kSql;
  std::string table;
  std::string name;       // of the constraint, index, sequence's column or trigger
  std::string sql;        // schema-qualified; empty for kSequence and kAnalyze
  bool optional = false;  // left out by --no-indexes
  bool vector_index = false;
  std::int64_t value = 0;  // kSequence: the source's high-water mark
  // kForeignKey: rows of `table` without a partner are removed first (rejected `foreign_key`).
  std::vector<std::string> columns;
  std::string parent_table;
  std::vector<std::string> parent_columns;
};

// A source object that no mapping carries, and why.
struct LeftOut {
  std::string name;
  std::string reason;
};

struct EmbeddingModel {
  std::string name;
  int dimension = 0;
  std::string hash;
};

struct Plan {
  int format = kPlanFormat;
  int revision = 0;  // how often it was renewed since it was drawn
  std::string program_version;
  Identity identity;
  std::string profile;  // as chosen
  std::string profile_reason;
  std::string schema_version;               // of the store, a hint; "" when it has none
  std::string traceparent;                  // of the migration's own span (docs/tracing.md); "" = not traced
  std::string snapshot;                     // the source's copy that is read (Lease::snapshot); "" = none
  std::string source_fingerprint;           // physical: sqlite::Fingerprint's text
  std::string source_schema_hash;           // of tables and columns: a change always stops a resume
  std::string extension_schema = "public";  // where pgvector is
  std::optional<EmbeddingModel> main_model;
  std::vector<std::string> setup_sql;  // run before tables are made: CREATE ... IF NOT EXISTS of functions, in order
  std::vector<Table> tables;
  std::vector<Mapping> mappings;  // parents before children where possible
  std::vector<Shard> shards;
  std::vector<std::string> seed_sql;  // rows that the profile itself makes (a bootstrap user); run once with the tables
  std::vector<FinishStep> steps;      // in order
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;  // said in dry run and report
};

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_PLAN_H_
