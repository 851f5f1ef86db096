#include "coordinator/source_service.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/descriptor.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "vecferry/v1/source.grpc.pb.h"

namespace vecferry::coordinator {
namespace {

constexpr std::int64_t kChunkBytes = 1 << 20;

// From `offset` to the end, in at least one chunk. kCancelled: the caller is gone.
absl::Status Send(const SentCopy& copy, std::int64_t offset, grpc::ServerWriter<v1::SourceChunk>& writer) {
  const base::Descriptor file(open(copy.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) return sqlite::ErrnoStatus("cannot open", copy.path);
  v1::SourceChunk chunk;
  chunk.set_file_bytes(static_cast<std::uint64_t>(copy.sum.bytes));
  chunk.set_file_xxh3_128(copy.sum.xxh3.ToBytes());
  std::string& data = *chunk.mutable_data();
  do {
    data.resize(static_cast<std::size_t>(std::min(kChunkBytes, copy.sum.bytes - offset)));
    RETURN_IF_ERROR(sqlite::ReadAt(file, offset, data, copy.path));
    chunk.set_offset(static_cast<std::uint64_t>(offset));
    chunk.set_data_xxh3(XXH3_64bits(data.data(), data.size()));
    if (!writer.Write(chunk)) return absl::CancelledError("the caller went away");
    offset += static_cast<std::int64_t>(data.size());
  } while (offset < copy.sum.bytes);
  return absl::OkStatus();
}

class SourceService final : public v1::SourceService::Service {
 public:
  SourceService(FindCopy find, int fetches_max) : find_(std::move(find)), fetches_max_(fetches_max) {}

  grpc::Status Fetch(grpc::ServerContext* context, const v1::FetchRequest* request,
                     grpc::ServerWriter<v1::SourceChunk>* writer) override {
    return rpc::Handle(*context, {rpc::Role::kReader, rpc::Role::kVerifier}, [&]() -> absl::Status {
      RETURN_IF_ERROR(Begin());
      const auto end = absl::MakeCleanup([this] { End(); });
      ASSIGN_OR_RETURN(const SentCopy copy, find_(request->snapshot()));
      if (request->offset() > static_cast<std::uint64_t>(copy.sum.bytes)) {
        return absl::OutOfRangeError(absl::StrCat("copy ", request->snapshot(), " has ", copy.sum.bytes,
                                                  " bytes; those from ", request->offset(), " on were asked for"));
      }
      return Send(copy, static_cast<std::int64_t>(request->offset()), *writer);
    });
  }

 private:
  absl::Status Begin() {
    base::MutexLock lock(&mutex_);
    if (fetches_ >= fetches_max_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the coordinator already sends ", fetches_, " copies of sources, ", fetches_max_, " at most"));
    }
    ++fetches_;
    return absl::OkStatus();
  }
  void End() {
    base::MutexLock lock(&mutex_);
    --fetches_;
  }

  const FindCopy find_;
  const int fetches_max_;
  base::Mutex mutex_;
  int fetches_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeSourceService(FindCopy find, int fetches_max) {
  return std::make_unique<SourceService>(std::move(find), fetches_max);
}

}  // namespace vecferry::coordinator
