#ifndef VECFERRY_VERIFIER_STRUCTURE_CATALOG_H_
#define VECFERRY_VERIFIER_STRUCTURE_CATALOG_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/postgres/connection.h"

namespace vecferry::verifier {

// Tables as the catalogs tell them, in Postgres' own words. Plain data.

struct TableColumn {
  std::string name;
  std::string type;  // format_type(), with the schema of types outside pg_catalog
  bool not_null = false;
  char identity = ' ';      // a | d; ' ' = none
  bool generated = false;   // then `default_sql` is the expression
  std::string default_sql;  // "" = none
  std::string collation;    // "" = the type's own
};

// A constraint, an index or a trigger.
struct TableObject {
  enum class Kind { kPrimaryKey, kUniqueConstraint, kUniqueIndex, kForeignKey, kCheck, kIndex, kTrigger };
  Kind kind = Kind::kIndex;
  std::string name;
  std::string definition;         // without its name, but for triggers
  std::string defect;             // why it is not in force, such as "not valid"; "" = it is
  std::set<std::string> columns;  // of the table, that it hangs on
  // kForeignKey:
  std::string parent;
  std::set<std::string> parent_columns;
};

// What an index is by, also that of a constraint.
struct IndexKey {
  std::string name;
  std::vector<std::string> columns;  // key columns in order; "" for an expression
  bool unique = false, valid = false, partial = false, immediate = false;
};

struct TableState {
  std::uint32_t oid = 0;
  char kind = 'r';          // pg_class.relkind
  bool hides_rows = false;  // row-level security applies to this role
  bool row_security = false, row_security_forced = false;
  std::vector<TableColumn> columns;
  std::vector<TableObject> objects;
  std::vector<IndexKey> indexes;

  const TableColumn* Find(absl::string_view column) const;
};
using TableStates = std::map<std::string, TableState>;

// Where tables are looked for, and the text that stands for their schema in definitions.
struct Namespace {
  std::int64_t oid = 0;                // 0 = there is none
  std::vector<std::string> spellings;  // "mem.": put in place of these is `shown`
  std::string shown;
};
// The destination schema's.
absl::StatusOr<Namespace> FindSchema(postgres::Connection& session, const std::string& schema);
// That of this session's temporary tables, told as if they were in `destination`.
absl::StatusOr<Namespace> FindTemporary(postgres::Connection& session, const Namespace& destination);
// `text` with the namespace's spellings replaced.
std::string ShowNames(const Namespace& names, absl::string_view text);

// The relations of these names. Definitions are comparable when the session's search_path is pg_catalog, pg_temp.
absl::StatusOr<TableStates> ReadTables(postgres::Connection& session, const Namespace& in,
                                       const std::vector<std::string>& tables);

// A text[] literal.
std::string ArrayLiteral(const std::vector<std::string>& elements);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_CATALOG_H_
