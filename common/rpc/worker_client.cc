#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::rpc {
namespace {

// Shorter than the time after which a silent worker counts as gone.
constexpr auto kBeatTimeMax = std::chrono::seconds(3);

class GrpcWorkerClient : public WorkerClient {
 public:
  explicit GrpcWorkerClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::StatusOr<BeatAnswer> Beat(const WorkerBeat& beat) override {
    grpc::ClientContext context;
    Introduce(context);
    context.set_deadline(std::chrono::system_clock::now() + kBeatTimeMax);
    v1::BeatResponse response;
    RETURN_IF_ERROR(FromGrpc(stub_.Beat(&context, ToProto(beat), &response)));
    return BeatAnswer{absl::Milliseconds(response.interval_ms()),
                      {response.snapshots().begin(), response.snapshots().end()}};
  }

 private:
  v1::WorkerService::Stub stub_;
};

}  // namespace

v1::BeatRequest ToProto(const WorkerBeat& beat) {
  v1::BeatRequest proto;
  proto.set_worker(beat.worker);
  proto.set_kind(beat.kind == WorkerKind::kReader   ? v1::WORKER_KIND_READER
                 : beat.kind == WorkerKind::kWriter ? v1::WORKER_KIND_WRITER
                                                    : v1::WORKER_KIND_VERIFIER);
  proto.set_address(beat.address);
  proto.set_streams_max(static_cast<std::uint32_t>(beat.streams_max));
  proto.set_draining(beat.draining);
  return proto;
}

absl::StatusOr<WorkerBeat> FromProto(const v1::BeatRequest& proto) {
  WorkerBeat beat;
  switch (proto.kind()) {
    case v1::WORKER_KIND_READER: beat.kind = WorkerKind::kReader; break;
    case v1::WORKER_KIND_WRITER: beat.kind = WorkerKind::kWriter; break;
    case v1::WORKER_KIND_VERIFIER: beat.kind = WorkerKind::kVerifier; break;
    default: return absl::InvalidArgumentError("a worker of an unknown kind");
  }
  beat.worker = proto.worker();
  beat.address = proto.address();
  beat.streams_max = static_cast<int>(proto.streams_max());
  beat.draining = proto.draining();
  return beat;
}

std::unique_ptr<WorkerClient> MakeWorkerClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcWorkerClient>(std::move(channel));
}

}  // namespace vecferry::rpc
