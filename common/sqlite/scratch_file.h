#ifndef VECFERRY_COMMON_SQLITE_SCRATCH_FILE_H_
#define VECFERRY_COMMON_SQLITE_SCRATCH_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/descriptor.h"

namespace vecferry::sqlite {

// The folder that copies are made in: `scratch_dir`, or for "" $TMPDIR, else /tmp.
std::string ScratchFolder(const std::string& scratch_dir);

// kResourceExhausted when the folder has no room for `bytes`, or this process may not write a file of that size.
absl::Status CheckRoom(const std::string& scratch_dir, std::int64_t bytes);
// What to say when a copy of `bytes` did not fit all the same: what is needed, what there is, and what to do.
absl::Status NoRoomError(const std::string& scratch_dir, std::int64_t bytes);

// An empty file of our own in the scratch folder, removed with its -wal, -shm and -journal by the destructor. One that
// a killed process left there is removed by the next Make: its owner's lock is gone (held_file.h).
class ScratchFile {
 public:
  // In ScratchFolder(scratch_dir).
  static absl::StatusOr<std::unique_ptr<ScratchFile>> Make(const std::string& scratch_dir);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }
  // Gives the file the name `path`, in the same folder, for good: it is held by the descriptor, and no more removed by
  // this object.
  absl::StatusOr<base::Descriptor> Keep(const std::string& path);

 private:
  ScratchFile(std::string path, base::Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  const std::string path_;
  base::Descriptor file_;  // holds the lock
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SCRATCH_FILE_H_
