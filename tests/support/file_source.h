#ifndef VECFERRY_TESTS_SUPPORT_FILE_SOURCE_H_
#define VECFERRY_TESTS_SUPPORT_FILE_SOURCE_H_

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/rpc/clients.h"
#include "common/sqlite/file_bytes.h"

namespace vecferry::testing {

// A coordinator with one copy, in memory, without gRPC. Thread-safe when `before_chunk` is.
class FileSource : public rpc::SourceClient {
 public:
  explicit FileSource(std::string bytes) : bytes_(std::move(bytes)) {
    sqlite::RunningSum sum;
    sum.Add(bytes_);
    xxh3_ = sum.Get();
  }

  // Asked before each piece, with its offset; an error ends the call. The bytes that are to be sent may be changed.
  std::function<absl::Status(std::uint64_t offset, std::string& data)> before_chunk;
  std::atomic<int> calls = 0;
  std::atomic<std::uint64_t> bytes_sent = 0;

  absl::Status Fetch(const std::string&, std::uint64_t offset, const std::function<bool()>& stopping,
                     const std::function<absl::Status(const rpc::SourceChunk&)>& on_chunk) override {
    ++calls;
    if (offset > bytes_.size()) return absl::OutOfRangeError("behind the end");
    do {
      if (stopping()) return absl::CancelledError("stopped");
      rpc::SourceChunk chunk{offset, bytes_.substr(offset, 1 << 20), bytes_.size(), xxh3_};
      if (before_chunk != nullptr) RETURN_IF_ERROR(before_chunk(offset, chunk.data));
      bytes_sent += chunk.data.size();
      RETURN_IF_ERROR(on_chunk(chunk));
      offset += chunk.data.size();
    } while (offset < bytes_.size());
    return absl::OkStatus();
  }

 private:
  const std::string bytes_;
  core::Sum128 xxh3_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_FILE_SOURCE_H_
