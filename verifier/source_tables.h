#ifndef VECFERRY_VERIFIER_SOURCE_TABLES_H_
#define VECFERRY_VERIFIER_SOURCE_TABLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"

namespace vecferry::verifier {

// Whether `name` is a table in which a virtual table of `module` called `owner` keeps its content. SQLite itself knows
// only those of modules that are loaded.
bool IsShadowName(const std::string& name, const std::string& owner, const std::string& module);

// The source's own tables, by the verifier's own look into sqlite_master: no views, no virtual tables, nothing that a
// virtual table or SQLite itself keeps. Ordered by name.
absl::StatusOr<std::vector<std::string>> ListSourceTables(sqlite::Database& source);

absl::StatusOr<std::int64_t> CountSourceRows(sqlite::Database& source, const std::string& table);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SOURCE_TABLES_H_
