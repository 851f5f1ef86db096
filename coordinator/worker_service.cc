#include <grpcpp/grpcpp.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/plan_codec.h"
#include "coordinator/services.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::coordinator {
namespace {

rpc::Role RoleOf(v1::WorkerKind kind) {
  switch (kind) {
    case v1::WORKER_KIND_WRITER: return rpc::Role::kWriter;
    case v1::WORKER_KIND_VERIFIER: return rpc::Role::kVerifier;
    default: return rpc::Role::kReader;
  }
}

class WorkerService final : public v1::WorkerService::Service {
 public:
  WorkerService(WorkerRegistry& registry, std::function<std::vector<std::string>()> snapshots)
      : registry_(registry), snapshots_(std::move(snapshots)) {}

  grpc::Status Beat(grpc::ServerContext* context, const v1::BeatRequest* request, v1::BeatResponse* response) override {
    return rpc::Handle(*context, {RoleOf(request->kind())}, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const rpc::WorkerBeat beat, rpc::FromProto(*request));
      if (beat.worker.empty()) return absl::InvalidArgumentError("a worker without a name");
      registry_.Beat(beat);
      response->set_interval_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(kBeatInterval)));
      for (std::string& snapshot : snapshots_()) response->add_snapshots(std::move(snapshot));
      return absl::OkStatus();
    });
  }

 private:
  WorkerRegistry& registry_;
  const std::function<std::vector<std::string>()> snapshots_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeWorkerService(WorkerRegistry& registry,
                                                 std::function<std::vector<std::string>()> snapshots) {
  return std::make_unique<WorkerService>(registry, std::move(snapshots));
}

}  // namespace vecferry::coordinator
