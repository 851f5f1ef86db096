#include "common/rpc/call_span.h"

#include <grpcpp/server_context.h>

#include <iterator>

#include "absl/strings/str_cat.h"
#include "common/rpc/admission.h"
#include "common/rpc/status_codec.h"

namespace vecferry::rpc {

std::string TraceparentOf(const grpc::ServerContext& context) {
  const auto [begin, end] = context.client_metadata().equal_range(kTraceparentKey);
  if (begin == end || std::next(begin) != end) return "";
  std::string text(begin->second.data(), begin->second.size());
  return telemetry::IsTraceparent(text) ? text : "";
}

telemetry::Span StartCallSpan(const ToldMethod& method, telemetry::SpanKind kind, absl::string_view parent) {
  if (parent.empty()) return {};
  telemetry::Span span = telemetry::Span::Start(absl::StrCat(method.service, "/", method.name), parent, kind);
  span.Set("rpc.system", "grpc");
  span.Set("rpc.service", method.service);
  span.Set("rpc.method", method.name);
  return span;
}

void IntroduceWithin(const telemetry::Span& span, grpc::ClientContext& context) {
  const telemetry::TraceScope scope(span.recording() ? span.traceparent() : telemetry::CurrentTraceparent());
  Introduce(context);
}

void EndCallSpan(telemetry::Span& span, const absl::Status& status) {
  if (!status.ok()) span.Set("rpc.grpc.status_code", static_cast<int>(status.code()));
  span.Fail(status);
  span.End();
}

}  // namespace vecferry::rpc
