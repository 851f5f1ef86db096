#ifndef VECFERRY_COMMON_SQLITE_CREATE_SQL_H_
#define VECFERRY_COMMON_SQLITE_CREATE_SQL_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vecferry::sqlite {

// What SQLite's pragmas do not tell and only the text of a CREATE statement does.

// The bare words of `sql`, in capitals, without what is quoted or commented; other characters are left out.
std::vector<std::string> BareWords(absl::string_view sql);

// CREATE TABLE: one column is AUTOINCREMENT.
bool SaysAutoincrement(absl::string_view sql);

// CREATE VIRTUAL TABLE: its module in lower case, such as "fts5"; "" when it cannot be told.
std::string VirtualModule(absl::string_view sql);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_CREATE_SQL_H_
