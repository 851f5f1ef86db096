#include "common/sqlite/scratch_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/core/migration.h"
#include "common/sqlite/file_bytes.h"
#include "common/sqlite/held_file.h"

namespace vecferry::sqlite {
namespace {

constexpr char kPrefix[] = "vecferry-snapshot-";
constexpr char kSuffix[] = ".db";

struct Room {
  // Where nothing is told, everything is allowed.
  std::int64_t free = std::numeric_limits<std::int64_t>::max();
  std::int64_t file_max = std::numeric_limits<std::int64_t>::max();
};

Room RoomIn(const std::string& folder) {
  Room room;
  struct statvfs status;
  if (statvfs(folder.c_str(), &status) == 0 && status.f_blocks > 0) {
    room.free = static_cast<std::int64_t>(status.f_bavail * status.f_frsize);
  }
  rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    room.file_max = static_cast<std::int64_t>(limit.rlim_cur);
  }
  return room;
}

void RemoveLeftovers(const std::string& folder) {
  ForEachFile(folder, kPrefix, kSuffix, [](const std::string& path, const std::string&) { RemoveUnheld(path); });
}

}  // namespace

std::string ScratchFolder(const std::string& scratch_dir) {
  if (!scratch_dir.empty()) return scratch_dir;
  const char* temporary = std::getenv("TMPDIR");
  return temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
}

absl::Status CheckRoom(const std::string& scratch_dir, std::int64_t bytes) {
  const Room room = RoomIn(ScratchFolder(scratch_dir));
  return bytes <= std::min(room.free, room.file_max) ? absl::OkStatus() : NoRoomError(scratch_dir, bytes);
}

absl::Status NoRoomError(const std::string& scratch_dir, std::int64_t bytes) {
  const std::string folder = ScratchFolder(scratch_dir);
  const Room room = RoomIn(folder);
  return absl::ResourceExhaustedError(
      absl::StrCat("no room for a copy of the store in ", core::SanitizeText(folder), ": it needs ", bytes, " bytes, ",
                   room.free, " are free there",
                   room.file_max < bytes ? absl::StrCat(", and a file may have ", room.file_max, " (ulimit -f)") : "",
                   ": make room there, or name another folder by --scratch-dir"));
}

absl::StatusOr<std::unique_ptr<ScratchFile>> ScratchFile::Make(const std::string& scratch_dir) {
  const std::string folder = ScratchFolder(scratch_dir);
  RemoveLeftovers(folder);
  while (true) {
    std::string path = absl::StrCat(folder, "/", kPrefix, getpid(), "-XXXXXX", kSuffix);
    base::Descriptor file(mkostemps(path.data(), std::strlen(kSuffix), O_CLOEXEC));
    if (!file.is_open()) {
      return absl::Status(absl::ErrnoToStatusCode(errno),
                          absl::StrCat("cannot make a scratch file in ", core::SanitizeText(folder), ": ",
                                       std::strerror(errno), " (--scratch-dir names another folder)"));
    }
    // Another process may have taken it for a leftover before the lock was there; then the lock waits for the removal.
    while (flock(file.number(), LOCK_EX) != 0 && errno == EINTR) {
    }
    if (IsNamed(file, path)) return std::unique_ptr<ScratchFile>(new ScratchFile(path, std::move(file)));
  }
}

absl::StatusOr<base::Descriptor> ScratchFile::Keep(const std::string& path) {
  // First the lock, for whoever finds the name must be able to hold it too.
  flock(file_.number(), LOCK_SH | LOCK_NB);
  if (rename(path_.c_str(), path.c_str()) != 0) return ErrnoStatus("cannot make", path);
  return std::move(file_);
}

ScratchFile::~ScratchFile() { RemoveWithSidecars(path_); }

}  // namespace vecferry::sqlite
