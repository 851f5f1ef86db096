#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/admission.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::rpc {
namespace {

// A grant may wait for sessions of an earlier holder to end: longer than that no call takes.
constexpr absl::Duration kCallTimeMax = absl::Seconds(60), kRenewTimeMin = absl::Seconds(1);

v1::LeaseRef ToProto(const Lease& lease) {
  v1::LeaseRef proto;
  proto.set_migration_id(lease.migration_id);
  proto.set_shard(lease.shard);
  proto.set_epoch(lease.epoch);
  return proto;
}

Lease FromProto(const v1::Lease& proto) {
  Lease lease;
  lease.migration_id = proto.migration_id();
  lease.shard = proto.shard();
  lease.epoch = proto.epoch();
  lease.duration = absl::Milliseconds(proto.duration_ms());
  lease.writer = proto.writer();
  lease.connection = proto.connection();
  lease.batch_rows_max = proto.batch_rows_max();
  lease.plan_revision = static_cast<int>(proto.plan_revision());
  lease.snapshot = proto.snapshot();
  lease.traceparent = proto.traceparent();
  lease.spans_max = static_cast<int>(proto.spans_max());
  return lease;
}

class GrpcLeaseClient : public LeaseClient {
 public:
  explicit GrpcLeaseClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::StatusOr<Acquired> Acquire(const std::string& worker) override {
    v1::AcquireRequest request;
    request.set_worker(worker);
    v1::AcquireResponse response;
    RETURN_IF_ERROR(Call(&v1::LeaseService::Stub::Acquire, request, response));
    Acquired acquired;
    if (response.has_lease()) acquired.lease = FromProto(response.lease());
    acquired.retry_after = absl::Milliseconds(response.retry_after_ms());
    acquired.finished = response.finished();
    return acquired;
  }

  absl::Status Renew(const Lease& lease) override {
    v1::RenewResponse response;
    // A coordinator that does not answer must leave the time to ask another one while the lease lasts.
    const absl::Duration time_max = std::max(lease.duration / 3, kRenewTimeMin);
    return Call(&v1::LeaseService::Stub::Renew, ToProto(lease), response, time_max);
  }

  absl::Status Complete(const Lease& lease) override {
    v1::RenewResponse response;
    return Call(&v1::LeaseService::Stub::Complete, ToProto(lease), response);
  }

  absl::Status Fail(const Lease& lease, const absl::Status& why) override {
    v1::FailRequest request;
    *request.mutable_lease() = ToProto(lease);
    request.set_code(static_cast<std::uint32_t>(why.code()));
    request.set_message(core::SanitizeText(why.message()));
    v1::RenewResponse response;
    return Call(&v1::LeaseService::Stub::Fail, request, response);
  }

  absl::StatusOr<core::Plan> GetPlan(const std::string& migration_id) override {
    v1::GetPlanRequest request;
    request.set_migration_id(migration_id);
    v1::Plan plan;
    RETURN_IF_ERROR(Call(&v1::LeaseService::Stub::GetPlan, request, plan));
    return rpc::FromProto(plan);
  }

 private:
  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::LeaseService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response& response, absl::Duration time_max = kCallTimeMax) {
    grpc::ClientContext context;
    Introduce(context);
    context.set_deadline(absl::ToChronoTime(absl::Now() + time_max));
    return FromGrpc((stub_.*method)(&context, request, &response));
  }

  v1::LeaseService::Stub stub_;
};

}  // namespace

std::unique_ptr<LeaseClient> MakeLeaseClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcLeaseClient>(std::move(channel));
}

}  // namespace vecferry::rpc
