#ifndef VECFERRY_COMMON_SQLITE_SQLITE_STATUS_H_
#define VECFERRY_COMMON_SQLITE_SQLITE_STATUS_H_

#include <sqlite3.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vecferry::sqlite {

// What SQLite's extended result `code` asks of the caller: kUnavailable while locked, kCancelled after Interrupt(),
// kDataLoss for a damaged or unreadable file, kFailedPrecondition when only a writer could make the store readable
// (a hot journal, a WAL that needs recovery in a folder that cannot be written), kResourceExhausted without room,
// kInvalidArgument for a statement that SQLite refuses.
// The message names the file of `database`, SQLite's own words and `doing`.
absl::Status ToStatus(sqlite3* database, int code, absl::string_view doing);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SQLITE_STATUS_H_
