#ifndef VECFERRY_COMMON_SQLITE_FILE_BYTES_H_
#define VECFERRY_COMMON_SQLITE_FILE_BYTES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/descriptor.h"
#include "common/core/record.h"

struct XXH3_state_s;

namespace vecferry::sqlite {

// Bytes of files that are our own. Others' database files are opened by SQLite alone (file_access.h).

// What errno says, as "`what` `path`: reason".
absl::Status ErrnoStatus(absl::string_view what, const std::string& path);

// Writes on where the descriptor stands. kResourceExhausted: the disk, a quota or the limit on a file's size.
absl::Status WriteAll(const base::Descriptor& file, absl::string_view bytes, const std::string& path);
// Reads into the whole of `bytes`. kDataLoss: the file ends before.
absl::Status ReadAt(const base::Descriptor& file, std::int64_t offset, std::string& bytes, const std::string& path);
absl::StatusOr<std::int64_t> SizeOf(const base::Descriptor& file, const std::string& path);

// XXH3-128 of bytes that come in pieces. Not thread-safe.
class RunningSum {
 public:
  RunningSum();
  void Add(absl::string_view bytes);
  core::Sum128 Get() const;

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  std::unique_ptr<XXH3_state_s, Free> state_;
};

// What a whole file is known by.
struct FileSum {
  std::int64_t bytes = 0;
  core::Sum128 xxh3;
  bool operator==(const FileSum&) const = default;
};
// Adds the first `bytes` of the file to `sum`. kCancelled once `stopping` says so.
absl::Status AddFile(const base::Descriptor& file, std::int64_t bytes, const std::string& path,
                     const std::function<bool()>& stopping, RunningSum& sum);
// The whole file's. Errors as AddFile.
absl::StatusOr<FileSum> SumFile(const base::Descriptor& file, const std::string& path,
                                const std::function<bool()>& stopping);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_FILE_BYTES_H_
