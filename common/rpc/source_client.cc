#include <grpcpp/grpcpp.h>
#include <xxhash.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/clients.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/source.grpc.pb.h"

namespace vecferry::rpc {
namespace {

// A terabyte at 100 MB/s takes three; a call that was cut off goes on from where it was.
constexpr auto kFetchTimeMax = std::chrono::hours(6);
// How soon a call can be given up.
constexpr auto kLook = std::chrono::milliseconds(50);

absl::StatusOr<SourceChunk> Check(v1::SourceChunk&& proto, std::uint64_t expected_offset) {
  if (proto.offset() != expected_offset) {
    return absl::DataLossError(
        absl::StrCat("a copy's bytes from ", expected_offset, " on were asked for; came ", proto.offset()));
  }
  if (XXH3_64bits(proto.data().data(), proto.data().size()) != proto.data_xxh3()) {
    return absl::DataLossError(absl::StrCat("the checksum of a copy's bytes from ", expected_offset, " on differs"));
  }
  SourceChunk chunk{proto.offset(), std::move(*proto.mutable_data()), proto.file_bytes(), {}};
  ASSIGN_OR_RETURN(chunk.file_xxh3, core::Sum128::FromBytes(proto.file_xxh3_128()));
  return chunk;
}

// One call, which can be given up while it waits. For one thread.
class FetchCall {
 public:
  FetchCall(v1::SourceService::Stub& stub, const v1::FetchRequest& request, const std::function<bool()>& stopping)
      : stopping_(stopping) {
    Introduce(context_);
    context_.set_deadline(std::chrono::system_clock::now() + kFetchTimeMax);
    stream_ = stub.AsyncFetch(&context_, request, &queue_, nullptr);
    open_ = Await();
  }
  ~FetchCall() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) continue;  // gRPC wants a queue drained; each step was waited for
  }
  FetchCall(const FetchCall&) = delete;
  FetchCall& operator=(const FetchCall&) = delete;

  bool Read(v1::SourceChunk& chunk) {
    if (!open_) return false;
    stream_->Read(&chunk, nullptr);
    return Await();
  }
  absl::Status Finish() {
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    Await();
    return stopping_() ? absl::CancelledError("stopped while a copy was fetched") : FromGrpc(status);
  }
  void Cancel() { context_.TryCancel(); }

 private:
  // Until the step that was begun is done; whether it succeeded.
  bool Await() {
    void* tag = nullptr;
    bool ok = false;
    while (queue_.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kLook) == grpc::CompletionQueue::TIMEOUT) {
      if (stopping_()) Cancel();
    }
    return ok;
  }

  const std::function<bool()>& stopping_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReader<v1::SourceChunk>> stream_;
  bool open_ = false;
};

class GrpcSourceClient : public SourceClient {
 public:
  explicit GrpcSourceClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::Status Fetch(const std::string& snapshot, std::uint64_t offset, const std::function<bool()>& stopping,
                     const std::function<absl::Status(const SourceChunk&)>& on_chunk) override {
    v1::FetchRequest request;
    request.set_snapshot(snapshot);
    request.set_offset(offset);
    FetchCall call(stub_, request, stopping);
    absl::Status taken;
    v1::SourceChunk proto;
    while (taken.ok() && call.Read(proto)) {
      absl::StatusOr<SourceChunk> chunk = Check(std::move(proto), offset);
      taken = chunk.status();
      if (!taken.ok()) break;
      offset += chunk->data.size();
      taken = on_chunk(*chunk);
    }
    if (!taken.ok()) call.Cancel();
    const absl::Status finished = call.Finish();
    return taken.ok() ? finished : taken;
  }

 private:
  v1::SourceService::Stub stub_;
};

}  // namespace

std::unique_ptr<SourceClient> MakeSourceClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcSourceClient>(std::move(channel));
}

}  // namespace vecferry::rpc
