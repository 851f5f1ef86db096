#ifndef VECFERRY_COMMON_PROFILE_SOURCE_H_
#define VECFERRY_COMMON_PROFILE_SOURCE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"
#include "common/sqlite/schema.h"

namespace vecferry::profile {

// Questions about a source table that introspection alone does not answer.

const sqlite::SourceColumn* FindColumn(const sqlite::SourceTable& table, const std::string& column);  // any case
bool HasColumns(const sqlite::SourceTable& table, const std::vector<std::string>& columns);

// t."column": how a mapping's input names a column of its own table.
std::string OfTable(const std::string& column);

// In the key's order; empty when there is none.
std::vector<const sqlite::SourceColumn*> PrimaryKey(const sqlite::SourceTable& table);

// Whether SQLite itself keeps rows apart by some of `columns`: a primary key or unique index among them.
bool IsUniqueBy(const sqlite::SourceTable& table, const std::vector<std::string>& columns);

// Whether the primary key is another name of the rowid (INTEGER PRIMARY KEY), so that Postgres may number it.
absl::StatusOr<bool> IsRowidAlias(sqlite::Database& source, const sqlite::SourceTable& table);

// Parents before children; tables of a cycle in the order of `tables`.
std::vector<const sqlite::SourceTable*> OrderByParents(const sqlite::SourceSchema& schema,
                                                       const std::vector<const sqlite::SourceTable*>& tables);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_SOURCE_H_
