#include <grpcpp/grpcpp.h>

#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "coordinator/services.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::coordinator {
namespace {

class LeaseService final : public v1::LeaseService::Service {
 public:
  explicit LeaseService(Migrations& migrations) : migrations_(migrations) {}

  grpc::Status Acquire(grpc::ServerContext*, const v1::AcquireRequest* request,
                       v1::AcquireResponse* response) override {
    const absl::StatusOr<rpc::Acquired> acquired = migrations_.Acquire(request->worker());
    if (!acquired.ok()) return rpc::ToGrpc(acquired.status());
    response->set_finished(acquired->finished);
    response->set_retry_after_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(acquired->retry_after)));
    if (!acquired->lease) return grpc::Status::OK;
    const rpc::Lease& lease = *acquired->lease;
    v1::Lease* granted = response->mutable_lease();
    granted->set_migration_id(lease.migration_id);
    granted->set_shard(static_cast<std::uint32_t>(lease.shard));
    granted->set_epoch(lease.epoch);
    granted->set_duration_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(lease.duration)));
    granted->set_writer(lease.writer);
    granted->set_connection(lease.connection);
    granted->set_batch_rows_max(static_cast<std::uint32_t>(lease.batch_rows_max));
    granted->set_plan_revision(static_cast<std::uint32_t>(lease.plan_revision));
    return grpc::Status::OK;
  }

  grpc::Status Renew(grpc::ServerContext*, const v1::LeaseRef* request, v1::RenewResponse*) override {
    return rpc::ToGrpc(
        migrations_.Renew(request->migration_id(), static_cast<int>(request->shard()), request->epoch()));
  }

  grpc::Status Complete(grpc::ServerContext*, const v1::LeaseRef* request, v1::RenewResponse*) override {
    return rpc::ToGrpc(
        migrations_.Complete(request->migration_id(), static_cast<int>(request->shard()), request->epoch()));
  }

  grpc::Status Fail(grpc::ServerContext*, const v1::FailRequest* request, v1::RenewResponse*) override {
    const v1::LeaseRef& lease = request->lease();
    const absl::Status why(static_cast<absl::StatusCode>(request->code()), request->message());
    return rpc::ToGrpc(migrations_.Fail(lease.migration_id(), static_cast<int>(lease.shard()), lease.epoch(), why));
  }

  grpc::Status GetPlan(grpc::ServerContext*, const v1::GetPlanRequest* request, v1::Plan* response) override {
    const auto plan = migrations_.GetPlan(request->migration_id());
    if (!plan.ok()) return rpc::ToGrpc(plan.status());
    *response = rpc::ToProto(**plan);
    return grpc::Status::OK;
  }

 private:
  Migrations& migrations_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeLeaseService(Migrations& migrations) {
  return std::make_unique<LeaseService>(migrations);
}

}  // namespace vecferry::coordinator
