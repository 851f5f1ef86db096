#include "common/sqlite/sqlite_status.h"

#include "absl/strings/str_cat.h"
#include "common/core/migration.h"

namespace vecferry::sqlite {
namespace {

absl::StatusCode CodeOf(int code) {
  // Only a process that may write can roll a hot journal back or make the index of a WAL.
  if (code == SQLITE_READONLY_ROLLBACK || code == SQLITE_READONLY_RECOVERY || code == SQLITE_READONLY_CANTINIT ||
      code == SQLITE_READONLY_CANTLOCK || code == SQLITE_READONLY_DIRECTORY) {
    return absl::StatusCode::kFailedPrecondition;
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return absl::StatusCode::kUnavailable;
    case SQLITE_INTERRUPT: return absl::StatusCode::kCancelled;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_IOERR: return absl::StatusCode::kDataLoss;
    case SQLITE_CANTOPEN: return absl::StatusCode::kFailedPrecondition;
    case SQLITE_NOMEM:
    case SQLITE_FULL:
    case SQLITE_TOOBIG: return absl::StatusCode::kResourceExhausted;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return absl::StatusCode::kPermissionDenied;
    default: return absl::StatusCode::kInvalidArgument;
  }
}

}  // namespace

absl::Status ToStatus(sqlite3* database, int code, absl::string_view doing) {
  const char* path = database == nullptr ? nullptr : sqlite3_db_filename(database, "main");
  const std::string file = path == nullptr || *path == '\0' ? "the source" : core::SanitizeText(path);
  // sqlite3_errmsg speaks of the connection's last call, which may be another by now.
  const bool current = database != nullptr && (sqlite3_extended_errcode(database) & 0xff) == (code & 0xff);
  const char* words = current ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const absl::StatusCode status = CodeOf(code);
  absl::string_view what = "";
  if (status == absl::StatusCode::kDataLoss) what = (code & 0xff) == SQLITE_IOERR ? " cannot be read" : " is damaged";
  if (status == absl::StatusCode::kUnavailable) what = " is locked by another program";
  return absl::Status(status, absl::StrCat(file, what, ": ", core::SanitizeText(words), " (", doing, ")"));
}

}  // namespace vecferry::sqlite
