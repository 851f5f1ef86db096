#include "common/sqlite/scratch_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/core/migration.h"

namespace vecferry::sqlite {
namespace {

constexpr char kPrefix[] = "vecferry-snapshot-";
constexpr char kSuffix[] = ".db";

void Remove(const std::string& path) {
  for (const char* sidecar : {"", "-wal", "-shm", "-journal"}) unlink(absl::StrCat(path, sidecar).c_str());
}

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
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().string(), name = at->path().filename().string();
    if (!absl::StartsWith(name, kPrefix) || !absl::EndsWith(name, kSuffix)) continue;
    const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) Remove(path);
    close(descriptor);
  }
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
    const int descriptor = mkostemps(path.data(), std::strlen(kSuffix), O_CLOEXEC);
    if (descriptor < 0) {
      return absl::Status(absl::ErrnoToStatusCode(errno),
                          absl::StrCat("cannot make a scratch file in ", core::SanitizeText(folder), ": ",
                                       std::strerror(errno), " (--scratch-dir names another folder)"));
    }
    flock(descriptor, LOCK_EX | LOCK_NB);
    struct stat status;
    // Another process may have taken it for a leftover before the lock was there.
    if (fstat(descriptor, &status) == 0 && status.st_nlink > 0) {
      return std::unique_ptr<ScratchFile>(new ScratchFile(path, descriptor));
    }
    close(descriptor);
  }
}

ScratchFile::~ScratchFile() {
  Remove(path_);
  close(descriptor_);
}

}  // namespace vecferry::sqlite
