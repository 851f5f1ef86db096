#ifndef VECFERRY_COMMON_PROFILE_DRAFT_H_
#define VECFERRY_COMMON_PROFILE_DRAFT_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/profile/names.h"
#include "common/profile/profile.h"

namespace vecferry::profile {

// A plan under construction: destination tables as data, so that they can be compared with what exists and referred to
// by one another before any SQL is written. Plain data.

struct DraftColumn {
  std::string name;
  core::PgType type;
  bool not_null = false;
  bool identity = false;
  std::string default_sql = {};
  std::string generated_sql = {};  // a tsvector that Postgres fills
  std::string check_sql = {};
};

struct DraftKey {
  std::vector<std::string> columns;
  bool primary = false;
  std::string name = {};   // "" = table_columns_key
  bool constraint = true;  // false: a unique index, as in the source
};

struct DraftIndex {
  std::string name;
  std::string definition;  // after "ON table"
  bool vector_index = false;
};

struct DraftForeignKey {
  std::vector<std::string> columns;
  std::string parent_table;  // at the destination
  std::vector<std::string> parent_columns;
  std::string actions = {};  // "ON DELETE CASCADE"
};

struct DraftTrigger {
  std::string name;
  std::string definition;  // after "CREATE TRIGGER name", with the table's place as $0
};

struct DraftSequence {
  std::string column;
  std::int64_t value = 0;
};

struct DraftTable {
  std::string name;
  std::vector<DraftColumn> columns = {};
  std::vector<DraftKey> keys = {};
  std::vector<DraftForeignKey> foreign_keys = {};
  std::vector<DraftIndex> indexes = {};
  std::vector<DraftTrigger> triggers = {};
  std::vector<DraftSequence> sequences = {};

  const DraftColumn* Find(const std::string& column) const;
  bool IsUnique(const std::vector<std::string>& columns) const;  // a key on exactly these, in any order
};

// Where a source table went, for the foreign keys of others.
struct Carried {
  std::string destination;
  std::map<std::string, std::string> columns;  // source -> destination
};

struct Draft {
  explicit Draft(const PlanInput& plan_input);

  const PlanInput& input;
  core::Plan plan;                         // everything but tables and steps, which Render() writes
  std::deque<DraftTable> tables;           // parents before children where possible; references stay valid
  NameSet relations;                       // tables, indexes and constraints share one name space in a schema
  std::map<std::string, Carried> carried;  // by source table

  // The destination's table of that name; nullptr when there is none.
  const postgres::CatalogTable* Existing(const std::string& table) const;
  DraftTable* FindTable(const std::string& table);
  // schema.name, quoted.
  std::string Qualified(const std::string& name) const;
  // A type as SQL, vector types qualified.
  std::string TypeSql(const core::PgType& type) const;
  void Note(std::string note) { plan.notes.push_back(std::move(note)); }

  // A name for an index or a constraint that makes one: unique in the schema.
  std::string AddIndexName(const std::string& wanted);
  // Adds a mapping and returns its id.
  int AddMapping(core::Mapping mapping);
};

// Index of the input that reads `column` of the mapping's own table, added when absent.
int AddColumnInput(core::Mapping& mapping, const std::string& column);

// How rows of `table` are said: by rowid, or by the key of a table that has none. Fills mapping.key and from_sql.
// Errors: kFailedPrecondition when columns hide the rowid and there is no key.
absl::Status SetSourceKey(const sqlite::SourceTable& table, core::Mapping& mapping);

// Which mappings each one's foreign keys refer to, and which of those of existing tables may refer to rows that come
// later. After FitExistingTables().
void SetParents(Draft& draft);

// Writes tables, parents, keys, indexes and steps of `draft.plan` in the order of docs/mapping.md.
void Render(Draft& draft);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_DRAFT_H_
