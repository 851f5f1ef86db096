#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/fingerprint.h"
#include "common/sqlite/opened_store.h"
#include "common/sqlite/scratch_file.h"
#include "common/sqlite/sqlite_status.h"

namespace vecferry::sqlite {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);
// Two writes within one tick of the kernel's clock (10 ms at most) have one time.
constexpr absl::Duration kStampSettled = absl::Milliseconds(50);
// 16 MiB of usual pages, 10 ms: how soon a copy in the making can be given up.
constexpr int kBackupStepPages = 4096;

using Connection = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

absl::StatusOr<Connection> OpenScratch(const ScratchFile& scratch) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(scratch.path().c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr);
  Connection connection(handle, &sqlite3_close);
  if (code != SQLITE_OK) return ToStatus(handle, code, "opening the scratch copy");
  sqlite3_extended_result_codes(handle, 1);
  return connection;
}

absl::Status Run(sqlite3* database, const char* sql) {
  const int code = sqlite3_exec(database, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(database, code, sql);
}

// Of the copy: nothing else is written. A quota and a limit on a file's size are no SQLITE_FULL.
bool IsWriteError(int code) { return (code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_WRITE; }

absl::Status Backup(Database& source, const ScratchFile& scratch, const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(Connection copy, OpenScratch(scratch));
  // Nobody needs the copy after a crash.
  RETURN_IF_ERROR(Run(copy.get(), "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"));
  sqlite3_backup* backup = sqlite3_backup_init(copy.get(), "main", source.raw(), "main");
  if (backup == nullptr) return ToStatus(copy.get(), sqlite3_extended_errcode(copy.get()), "copying the store");
  // The source's transaction holds one state through all steps.
  int code = SQLITE_OK;
  while (code == SQLITE_OK && !stopping()) code = sqlite3_backup_step(backup, kBackupStepPages);
  const int finished = sqlite3_backup_finish(backup);
  if (code == SQLITE_OK) return absl::CancelledError("stopped while the store was copied");
  if (code == SQLITE_DONE) code = finished;
  if (code == SQLITE_OK) return absl::OkStatus();
  if (IsWriteError(code)) return absl::ResourceExhaustedError("the copy could not be written");
  return ToStatus(copy.get(), code, "copying the store");
}

absl::StatusOr<std::unique_ptr<ScratchFile>> CopyOf(Database& source, const std::string& scratch_dir,
                                                    const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(const core::Value pages, source.QueryValue("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const core::Value page_bytes, source.QueryValue("PRAGMA page_size"));
  const std::int64_t bytes = pages.integer * page_bytes.integer;
  RETURN_IF_ERROR(CheckRoom(scratch_dir, bytes));
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> scratch, ScratchFile::Make(scratch_dir));
  const absl::Status copied = Backup(source, *scratch, stopping);
  if (absl::IsResourceExhausted(copied)) {
    scratch.reset();  // what was written of it is free again
    return NoRoomError(scratch_dir, bytes);
  }
  RETURN_IF_ERROR(copied);
  RETURN_IF_ERROR(source.CheckWhole());
  return scratch;
}

// Nobody else writes the copy, so it may be read as immutable. Its name goes at once: the open files stay readable, and
// nothing is left behind however this process ends.
absl::StatusOr<std::vector<Database>> OpenCopy(std::unique_ptr<ScratchFile> scratch, int connections) {
  std::vector<Database> opened;
  for (int i = 0; i < connections; ++i) {
    ASSIGN_OR_RETURN(Database connection, Database::Open(scratch->path(), /*immutable=*/true));
    opened.push_back(std::move(connection));
  }
  return opened;
}

struct FileState {
  bool there = false;
  std::int64_t bytes = 0, modified_ns = 0, inode = 0;
  bool operator==(const FileState&) const = default;
};
constexpr std::array<const char*, 3> kSidecars = {"", "-wal", "-journal"};
using StoreState = std::array<FileState, kSidecars.size()>;

StoreState StateOf(const std::string& path) {
  StoreState state;
  for (std::size_t i = 0; i < kSidecars.size(); ++i) {
    struct stat status;
    if (stat(absl::StrCat(path, kSidecars[i]).c_str(), &status) != 0) continue;
    state[i] = {true, status.st_size, absl::ToUnixNanos(absl::TimeFromTimespec(status.st_mtim)),
                static_cast<std::int64_t>(status.st_ino)};
  }
  return state;
}

bool IsSettled(const StoreState& state, absl::Time now) {
  for (const FileState& file : state) {
    if (file.there && now - absl::FromUnixNanos(file.modified_ns) < kStampSettled) return false;
  }
  return true;
}

// One attempt to copy all three files of one moment. False: something was written meanwhile.
absl::StatusOr<bool> CopyStillFiles(const std::string& path, const std::string& copy,
                                    const std::function<bool()>& stopping) {
  const StoreState before = StateOf(path);
  if (!IsSettled(before, absl::Now())) return false;
  RETURN_IF_ERROR(CopyDatabaseFile(path, copy, stopping));
  for (std::size_t i = 1; i < kSidecars.size(); ++i) {
    if (!before[i].there) continue;
    RETURN_IF_ERROR(CopySidecar(absl::StrCat(path, kSidecars[i]), absl::StrCat(copy, kSidecars[i]), stopping));
  }
  return StateOf(path) == before;
}

// Lets SQLite roll the journal back or read the log in, tells the fingerprint, and leaves one whole file.
absl::StatusOr<std::string> Recover(const ScratchFile& scratch, const std::string& source_path) {
  ASSIGN_OR_RETURN(Connection writing, OpenScratch(scratch));
  RETURN_IF_ERROR(Run(writing.get(), "SELECT 1 FROM sqlite_schema LIMIT 1"));
  ASSIGN_OR_RETURN(Database reading, Database::Open(scratch.path(), /*immutable=*/false));
  RETURN_IF_ERROR(reading.BeginReading());
  ASSIGN_OR_RETURN(std::string fingerprint, ReadFingerprint(reading, source_path));
  reading.EndReading();
  RETURN_IF_ERROR(Run(writing.get(), "PRAGMA wal_checkpoint(TRUNCATE)"));
  return fingerprint;
}

absl::StatusOr<std::string> CopyAndRecover(const std::string& path, const ScratchFile& scratch,
                                           const std::function<bool()>& stopping) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (true) {
    ASSIGN_OR_RETURN(const bool still, CopyStillFiles(path, scratch.path(), stopping));
    if (still) return Recover(scratch, path);
    if (absl::Now() >= deadline) {
      return absl::UnavailableError(
          absl::StrCat(core::SanitizeText(path),
                       " is being written all the time, in a folder "
                       "that cannot be written from here: stop the writer, or allow writing beside the file"));
    }
    absl::SleepFor(kStampSettled);
  }
}

absl::StatusOr<CopiedStore> CopyRecovered(const std::string& path, const std::string& scratch_dir,
                                          const std::function<bool()>& stopping) {
  std::int64_t bytes = 0;
  for (const FileState& file : StateOf(path)) bytes += file.bytes;
  RETURN_IF_ERROR(CheckRoom(scratch_dir, bytes));
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> scratch, ScratchFile::Make(scratch_dir));
  absl::StatusOr<std::string> fingerprint = CopyAndRecover(path, *scratch, stopping);
  if (absl::IsResourceExhausted(fingerprint.status())) {
    scratch.reset();
    return NoRoomError(scratch_dir, bytes);
  }
  RETURN_IF_ERROR(fingerprint.status());
  return CopiedStore{std::move(scratch), *std::move(fingerprint)};
}

}  // namespace

absl::StatusOr<std::vector<Database>> OpenCopyOf(Database& source, int connections, const std::string& scratch_dir,
                                                 const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> scratch, CopyOf(source, scratch_dir, stopping));
  return OpenCopy(std::move(scratch), connections);
}

absl::StatusOr<CopiedStore> CopyStore(Way way, const std::string& path, const std::string& scratch_dir,
                                      const std::function<bool()>& stopping) {
  if (way == Way::kRecovered) return CopyRecovered(path, scratch_dir, stopping);
  ASSIGN_OR_RETURN(OpenedStore source, OpenDirect(path, 1));
  ASSIGN_OR_RETURN(std::unique_ptr<ScratchFile> scratch, CopyOf(source.connections.front(), scratch_dir, stopping));
  return CopiedStore{std::move(scratch), std::move(source.fingerprint)};
}

absl::StatusOr<OpenedStore> OpenCopied(Way way, const std::string& path, int connections,
                                       const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(CopiedStore copy, CopyStore(way, path, options.scratch_dir, options.stopping));
  ASSIGN_OR_RETURN(std::vector<Database> copies, OpenCopy(std::move(copy.file), connections));
  return OpenedStore{std::move(copies), std::move(copy.fingerprint), /*is_copy=*/true};
}

}  // namespace vecferry::sqlite
