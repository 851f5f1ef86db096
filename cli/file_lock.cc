#include "cli/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace vecferry::cli {

absl::StatusOr<FileLock> FileLock::Take(const std::string& path, absl::Duration patience) {
  const absl::Time end = absl::Now() + patience;
  while (true) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
    FileLock lock(file);
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
      // The previous holder may have removed the file: then ours is a lock on nothing.
      struct stat ours {
      }, there{};
      if (fstat(file, &ours) == 0 && stat(path.c_str(), &there) == 0 && ours.st_ino == there.st_ino) return lock;
    }
    if (absl::Now() >= end) {
      return absl::DeadlineExceededError(
          absl::StrCat("another process works on the private Postgres (", path, "): try again when it is done"));
    }
    absl::SleepFor(absl::Milliseconds(50));
  }
}

FileLock::~FileLock() {
  if (file_ >= 0) close(file_);
}

}  // namespace vecferry::cli
