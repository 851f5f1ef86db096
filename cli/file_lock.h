#ifndef VECFERRY_CLI_FILE_LOCK_H_
#define VECFERRY_CLI_FILE_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace vecferry::cli {

// Holds flock() on a file while it lives; the kernel frees it when the process dies. Movable.
class FileLock {
 public:
  // Errors: kDeadlineExceeded when another process holds it longer than `patience`.
  static absl::StatusOr<FileLock> Take(const std::string& path, absl::Duration patience);
  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_FILE_LOCK_H_
