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

v1::VerifyRequest ToProto(const Verification& verification) {
  v1::VerifyRequest proto;
  proto.set_migration_id(verification.migration_id);
  proto.set_connection(verification.connection);
  proto.set_snapshot(verification.snapshot);
  if (verification.plan) proto.set_plan(SerializePlan(*verification.plan));
  const core::VerifyOptions& options = verification.options;
  proto.set_level(options.level);
  proto.set_no_indexes(!options.indexes_wanted);
  proto.set_sessions_max(static_cast<std::uint32_t>(options.sessions_max));
  v1::RecallOptions* recall = proto.mutable_recall();
  recall->set_queries(options.recall_queries);
  recall->set_index_min(options.recall_index_min);
  for (const std::vector<float>& query : options.queries) {
    recall->add_own_queries()->mutable_components()->Add(query.begin(), query.end());
  }
  recall->mutable_slices()->Add(options.recall_slices.begin(), options.recall_slices.end());
  v1::EmbedderOptions* embedder = proto.mutable_embedder();
  embedder->set_url(options.embedder_url);
  embedder->set_model(options.embedder_model);
  embedder->set_prefix(options.embedder_prefix);
  embedder->set_texts(static_cast<std::uint32_t>(options.embedder_texts));
  embedder->set_cosine_min(options.embedder_cosine_min);
  return proto;
}

absl::Status Tell(const v1::VerifyResponse& response, core::Findings& findings) {
  switch (response.finding_case()) {
    case v1::VerifyResponse::kCheck: return findings.Tell(FromProto(response.check()));
    case v1::VerifyResponse::kDifference: return findings.Tell(FromProto(response.difference()));
    case v1::VerifyResponse::kRecall: return findings.Tell(FromProto(response.recall()));
    case v1::VerifyResponse::kSize: return findings.Tell(FromProto(response.size()));
    case v1::VerifyResponse::kStep: return findings.TellStep(response.step());
    case v1::VerifyResponse::kDifferencesMore:
      findings.CountMoreDifferences(static_cast<std::int64_t>(response.differences_more()));
      return absl::OkStatus();
    case v1::VerifyResponse::FINDING_NOT_SET: return absl::OkStatus();  // of a later version
  }
  return absl::OkStatus();
}

class GrpcVerifierClient : public VerifierClient {
 public:
  explicit GrpcVerifierClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  absl::Status Verify(const Verification& verification, core::Findings& findings) override {
    telemetry::Span span = StartCallSpan(kVerify, telemetry::SpanKind::kClient, telemetry::CurrentTraceparent());
    grpc::ClientContext context;
    IntroduceWithin(span, context);
    context.set_deadline(std::chrono::system_clock::now() + kVerifyTimeMax);
    const auto stream = stub_.Verify(&context, ToProto(verification));
    absl::Status told;
    v1::VerifyResponse response;
    while (told.ok() && stream->Read(&response)) told = Tell(response, findings);
    if (!told.ok()) context.TryCancel();
    absl::Status status = FromGrpc(stream->Finish());
    if (!told.ok()) status = told;
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
