#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "common/rpc/call_span.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "vecferry/v1/verifier.grpc.pb.h"

namespace vecferry::rpc {
namespace {

// Both sides are read in full: a day for the largest stores.
constexpr auto kVerifyTimeMax = std::chrono::hours(24);

class GrpcVerifierClient : public VerifierClient {
 public:
  explicit GrpcVerifierClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::Status Verify(const std::string& migration_id, const std::string& connection, const std::string& level,
                      const std::string& snapshot,
                      const std::function<void(const core::CheckReport&)>& on_check) override {
    v1::VerifyRequest request;
    request.set_migration_id(migration_id);
    request.set_connection(connection);
    request.set_level(level);
    request.set_snapshot(snapshot);
    telemetry::Span span = StartCallSpan(kVerify, telemetry::SpanKind::kClient, telemetry::CurrentTraceparent());
    grpc::ClientContext context;
    IntroduceWithin(span, context);
    context.set_deadline(std::chrono::system_clock::now() + kVerifyTimeMax);
    const auto stream = stub_.Verify(&context, request);
    v1::VerifyResponse response;
    while (stream->Read(&response)) on_check(FromProto(response.check()));
    absl::Status status = FromGrpc(stream->Finish());
    EndCallSpan(span, status);
    return status;
  }

 private:
  v1::VerifierService::Stub stub_;
};

}  // namespace

std::unique_ptr<VerifierClient> MakeVerifierClient(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcVerifierClient>(std::move(channel));
}

}  // namespace vecferry::rpc
