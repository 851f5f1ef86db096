#ifndef VECFERRY_COMMON_RPC_CALL_SPAN_H_
#define VECFERRY_COMMON_RPC_CALL_SPAN_H_

#include <string>

#include "absl/status/status.h"
#include "common/telemetry/tracing.h"

namespace grpc {
class ClientContext;
class ServerContext;
}  // namespace grpc

namespace vecferry::rpc {

// A method that is told as a span, on both sides, when its caller has a current one. Most calls are not: beats and
// renewals would bury the rest.
struct ToldMethod {
  const char* service;  // with its package
  const char* name;
};
inline constexpr ToldMethod kIngest = {"vecferry.v1.WriterService", "Ingest"};
inline constexpr ToldMethod kVerify = {"vecferry.v1.VerifierService", "Verify"};

// The traceparent that the caller sent; "" when it sent none, several, or what is no traceparent.
std::string TraceparentOf(const grpc::ServerContext& context);

// A call's span below `parent`.
telemetry::Span StartCallSpan(const ToldMethod& method, telemetry::SpanKind kind, absl::string_view parent);
// Introduces a call (admission.h) as made within its span, or within the current one where that records nothing.
void IntroduceWithin(const telemetry::Span& span, grpc::ClientContext& context);
// With how the call ended.
void EndCallSpan(telemetry::Span& span, const absl::Status& status);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_CALL_SPAN_H_
