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

absl::StatusOr<SourceChunk> Check(v1::SourceChunk&& proto, std::uint64_t expected_offset) {
  if (proto.offset() != expected_offset) {
    return absl::DataLossError(absl::StrCat("a copy's bytes from ", expected_offset, " on were asked for; came ",
                                            proto.offset()));
  }
  if (XXH3_64bits(proto.data().data(), proto.data().size()) != proto.data_xxh3()) {
    return absl::DataLossError(absl::StrCat("the checksum of a copy's bytes from ", expected_offset, " on differs"));
  }
  SourceChunk chunk{proto.offset(), std::move(*proto.mutable_data()), proto.file_bytes(), {}};
  ASSIGN_OR_RETURN(chunk.file_xxh3, core::Sum128::FromBytes(proto.file_xxh3_128()));
  return chunk;
}

class GrpcSourceClient : public SourceClient {
 public:
  explicit GrpcSourceClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::Status Fetch(const std::string& snapshot, std::uint64_t offset,
                     const std::function<absl::Status(const SourceChunk&)>& on_chunk) override {
    v1::FetchRequest request;
    request.set_snapshot(snapshot);
    request.set_offset(offset);
    grpc::ClientContext context;
    Introduce(context);
    context.set_deadline(std::chrono::system_clock::now() + kFetchTimeMax);
    const auto stream = stub_.Fetch(&context, request);
    absl::Status taken;
    v1::SourceChunk proto;
    while (taken.ok() && stream->Read(&proto)) {
      absl::StatusOr<SourceChunk> chunk = Check(std::move(proto), offset);
      taken = chunk.status();
      if (!taken.ok()) break;
      offset += chunk->data.size();
      taken = on_chunk(*chunk);
    }
    if (!taken.ok()) context.TryCancel();
    const absl::Status finished = FromGrpc(stream->Finish());
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
