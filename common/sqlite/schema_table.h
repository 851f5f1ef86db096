#ifndef VECFERRY_COMMON_SQLITE_SCHEMA_TABLE_H_
#define VECFERRY_COMMON_SQLITE_SCHEMA_TABLE_H_

#include "absl/status/status.h"
#include "common/sqlite/database.h"
#include "common/sqlite/schema.h"

namespace vecferry::sqlite {

// The parts of ReadSchema that look at one table; each fills its fields of `table`.
absl::Status ReadColumns(Database& database, SourceTable& table);
absl::Status ReadIndexes(Database& database, SourceTable& table);  // after ReadColumns: key collations and directions
absl::Status ReadForeignKeys(Database& database, SourceTable& table);

// Whichever name of the rowid no column hides; the INTEGER PRIMARY KEY when all are hidden; "" = none.
std::string RowidName(const SourceTable& table);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SCHEMA_TABLE_H_
