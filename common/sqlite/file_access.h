#ifndef VECFERRY_COMMON_SQLITE_FILE_ACCESS_H_
#define VECFERRY_COMMON_SQLITE_FILE_ACCESS_H_

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace vecferry::sqlite {

// A database file is only ever opened by SQLite here: POSIX drops every lock that a process holds on a file when *any*
// of its descriptors is closed, so one open() and close() of ours would end the locks of our own snapshot.

// "file:" and `path` with everything escaped that a URI or SQLite would read as its own, and the read mode.
std::string ReadOnlyUri(const std::string& path, bool immutable);

// By stat() alone. Errors: kNotFound, kInvalidArgument (a directory or no regular file), kPermissionDenied.
absl::Status CheckRegularFile(const std::string& path);

// The first 100 bytes of a database file (https://sqlite.org/fileformat2.html#the_database_header), and its size.
struct FileHeader {
  std::string bytes;      // fewer than 100 when the file is shorter
  std::string beginning;  // up to 512 bytes
  std::int64_t file_bytes = 0;

  bool HasMagic() const;
  bool IsWal() const;
  std::uint32_t Number(int offset) const;  // 32 bits, big-endian; 0 beyond the file's end
  std::int64_t PageBytes() const;
  // Pages that the header promises; 0 when it does not know (an older program wrote last).
  std::int64_t PromisedPages() const;
};

// Through SQLite's own descriptor.
absl::StatusOr<FileHeader> ReadFileHeader(sqlite3* database);

// Whether somebody holds the RESERVED lock of a rollback-journal store: a transaction that has written, and that cannot
// commit while others read.
bool IsBeingWritten(sqlite3* database);

// By stat(); 0 = no such file.
std::int64_t FileBytes(const std::string& path);
// When the file was last written, by stat(). nullopt = no such file.
std::optional<absl::Time> WriteTime(const std::string& path);

// What is wrong with the file, told from its header: kInvalidArgument (not SQLite, encrypted), kDataLoss (truncated).
// OK when nothing is to be seen there.
absl::Status ExplainHeader(const FileHeader& header, const std::string& path);

// Copies the database file `from` to `to`, which must exist, by SQLite's file layer. kCancelled once `stopping` says
// so.
absl::Status CopyDatabaseFile(const std::string& from, const std::string& to, const std::function<bool()>& stopping);
// The same for a -wal or -journal, on which nobody holds locks.
absl::Status CopySidecar(const std::string& from, const std::string& to, const std::function<bool()>& stopping);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_FILE_ACCESS_H_
