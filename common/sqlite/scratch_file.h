#ifndef VECFERRY_COMMON_SQLITE_SCRATCH_FILE_H_
#define VECFERRY_COMMON_SQLITE_SCRATCH_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace vecferry::sqlite {

// The folder that copies are made in: `scratch_dir`, or for "" $TMPDIR, else /tmp.
std::string ScratchFolder(const std::string& scratch_dir);

// An empty file of our own in the scratch folder, removed with its -wal, -shm and -journal by the destructor. One that
// a killed process left there is removed by the next Make: its owner's flock() is gone.
class ScratchFile {
 public:
  // In ScratchFolder(scratch_dir).
  static absl::StatusOr<std::unique_ptr<ScratchFile>> Make(const std::string& scratch_dir);
  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  ScratchFile(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  const std::string path_;
  const int descriptor_;  // holds the flock
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SCRATCH_FILE_H_
