#include <grpcpp/grpcpp.h>

#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/plan_codec.h"
#include "coordinator/services.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::coordinator {
namespace {

void Grant(const rpc::Lease& lease, v1::Lease& granted) {
  granted.set_migration_id(lease.migration_id);
  granted.set_shard(static_cast<std::uint32_t>(lease.shard));
  granted.set_epoch(lease.epoch);
  granted.set_duration_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(lease.duration)));
  granted.set_writer(lease.writer);
  granted.set_connection(lease.connection);
  granted.set_batch_rows_max(static_cast<std::uint32_t>(lease.batch_rows_max));
  granted.set_plan_revision(static_cast<std::uint32_t>(lease.plan_revision));
  granted.set_snapshot(lease.snapshot);
  granted.set_traceparent(lease.traceparent);
  granted.set_spans_max(static_cast<std::uint32_t>(lease.spans_max));
}

class LeaseService final : public v1::LeaseService::Service {
 public:
  explicit LeaseService(Migrations& migrations) : migrations_(migrations) {}

  grpc::Status Acquire(grpc::ServerContext* context, const v1::AcquireRequest* request,
                       v1::AcquireResponse* response) override {
    return Handle(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const rpc::Acquired acquired, migrations_.Acquire(request->worker()));
      response->set_finished(acquired.finished);
      response->set_retry_after_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(acquired.retry_after)));
      if (acquired.lease) Grant(*acquired.lease, *response->mutable_lease());
      return absl::OkStatus();
    });
  }

  grpc::Status Renew(grpc::ServerContext* context, const v1::LeaseRef* request, v1::RenewResponse*) override {
    return Handle(context, [&] {
      return migrations_.Renew(request->migration_id(), static_cast<int>(request->shard()), request->epoch());
    });
  }

  grpc::Status Complete(grpc::ServerContext* context, const v1::LeaseRef* request, v1::RenewResponse*) override {
    return Handle(context, [&] {
      return migrations_.Complete(request->migration_id(), static_cast<int>(request->shard()), request->epoch());
    });
  }

  grpc::Status Fail(grpc::ServerContext* context, const v1::FailRequest* request, v1::RenewResponse*) override {
    return Handle(context, [&] {
      const v1::LeaseRef& lease = request->lease();
      const absl::Status why(static_cast<absl::StatusCode>(request->code()), request->message());
      return migrations_.Fail(lease.migration_id(), static_cast<int>(lease.shard()), lease.epoch(), why);
    });
  }

  grpc::Status GetPlan(grpc::ServerContext* context, const v1::GetPlanRequest* request, v1::Plan* response) override {
    return Handle(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::shared_ptr<const core::Plan> plan, migrations_.GetPlan(request->migration_id()));
      *response = rpc::ToProto(*plan);
      return absl::OkStatus();
    });
  }

 private:
  static grpc::Status Handle(grpc::ServerContext* context, absl::FunctionRef<absl::Status()> call) {
    return rpc::Handle(*context, {rpc::Role::kReader}, call);
  }

  Migrations& migrations_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeLeaseService(Migrations& migrations) {
  return std::make_unique<LeaseService>(migrations);
}

}  // namespace vecferry::coordinator
