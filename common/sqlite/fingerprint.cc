#include "common/sqlite/fingerprint.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/sqlite_status.h"

namespace vecferry::sqlite {
namespace {

// https://sqlite.org/walformat.html#the_wal_index_header: 48 bytes, twice.
constexpr int kWalIndexRegionBytes = 32768, kWalIndexHeaderBytes = 48;
constexpr int kFrameOffset = 16, kFrameChecksumOffset = 24, kSaltsOffset = 32, kPairBytes = 8;
// Filesystems stamp times by the kernel's tick, 10 ms at most; ten of them are beyond doubt.
constexpr absl::Duration kStampSettled = absl::Milliseconds(100);

// The last commit's frame, its running checksum and the log's salts; "none" while the log is empty.
absl::StatusOr<std::string> WalState(Database& database) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database.raw(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  for (int attempt = 0; attempt < 1000; ++attempt) {
    void volatile* region = nullptr;
    const int code = file->pMethods->xShmMap(file, 0, kWalIndexRegionBytes, 0, &region);
    if (code != SQLITE_OK) return ToStatus(database.raw(), code, "reading the WAL's index");
    if (region == nullptr) return std::string("none");
    char copies[2 * kWalIndexHeaderBytes];
    for (std::size_t i = 0; i < sizeof(copies); ++i) copies[i] = static_cast<const volatile char*>(region)[i];
    // A writer stores the one copy after the other.
    if (std::memcmp(copies, copies + kWalIndexHeaderBytes, kWalIndexHeaderBytes) != 0) continue;
    std::uint32_t frame = 0;
    std::memcpy(&frame, copies + kFrameOffset, sizeof(frame));
    if (frame == 0) return std::string("none");
    return absl::StrCat(frame, ":", absl::BytesToHexString(absl::string_view(copies + kSaltsOffset, kPairBytes)), ":",
                        absl::BytesToHexString(absl::string_view(copies + kFrameChecksumOffset, kPairBytes)));
  }
  return absl::UnavailableError("the WAL's index keeps changing");
}

// A WAL store does not raise its change counter at every commit, so a log that was checkpointed and deleted leaves no
// number behind: the main file's time tells. A time as young as the clock's tick proves nothing and never compares
// equal.
absl::StatusOr<std::string> FileTime(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    return absl::Status(absl::ErrnoToStatusCode(errno), absl::StrCat("cannot look at ", path));
  }
  const absl::Time now = absl::Now(), modified = absl::TimeFromTimespec(status.st_mtim);
  std::string text = absl::StrCat(absl::ToUnixNanos(modified), ":", status.st_ino);
  if (now - modified < kStampSettled) absl::StrAppend(&text, ":", absl::ToUnixNanos(now));
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadFingerprint(Database& database, const std::string& path) {
  ASSIGN_OR_RETURN(const FileHeader header, ReadFileHeader(database.raw()));
  if (header.file_bytes == 0) return std::string("empty");
  ASSIGN_OR_RETURN(const core::Value pages, database.QueryValue("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const core::Value cookie, database.QueryValue("PRAGMA schema_version"));
  std::string text = absl::StrCat("pages=", pages.integer, " schema=", cookie.integer);
  if (!header.IsWal()) return absl::StrCat(text, " change=", header.Number(24));
  ASSIGN_OR_RETURN(const std::string wal, WalState(database));
  ASSIGN_OR_RETURN(const std::string time, FileTime(path));
  return absl::StrCat(text, " wal=", wal, " time=", time);
}

}  // namespace vecferry::sqlite
