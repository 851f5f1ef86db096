#include "common/rpc/admission.h"

#include <grpc/grpc_security_constants.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/core/plan.h"
#include "common/rpc/call_span.h"
#include "common/rpc/status_codec.h"
#include "common/telemetry/log.h"

namespace vecferry::rpc {
namespace {

constexpr char kVersionKey[] = "vecferry-version";
constexpr char kPlanFormatKey[] = "vecferry-plan-format";

std::string Metadata(const grpc::ServerContext& context, const char* key) {
  const auto found = context.client_metadata().find(key);
  return found == context.client_metadata().end() ? "" : std::string(found->second.data(), found->second.size());
}

std::vector<std::string> CertificateNames(const grpc::AuthContext& peer) {
  std::vector<std::string> names;
  for (const char* property : {GRPC_X509_CN_PROPERTY_NAME, GRPC_PEER_DNS_PROPERTY_NAME}) {
    for (const grpc::string_ref& name : peer.FindPropertyValues(property)) names.emplace_back(name.data(), name.size());
  }
  return names;
}

absl::Status CheckRole(const grpc::ServerContext& context, std::initializer_list<Role> roles) {
  const std::shared_ptr<const grpc::AuthContext> peer = context.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated()) return absl::OkStatus();
  const std::vector<std::string> names = CertificateNames(*peer);
  for (const Role role : roles) {
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return ProvesRole(name, role); })) {
      return absl::OkStatus();
    }
  }
  const std::string wanted =
      absl::StrJoin(roles, " or ", [](std::string* out, Role role) { absl::StrAppend(out, ToString(role)); });
  return absl::PermissionDeniedError(
      absl::StrCat("this call is for a ", wanted, "; the certificate is of ", absl::StrJoin(names, ", ")));
}

absl::Status CheckPlanFormat(const grpc::ServerContext& context) {
  const std::string format = Metadata(context, kPlanFormatKey);
  if (format == absl::StrCat(core::kPlanFormat)) return absl::OkStatus();
  const std::string version = Metadata(context, kVersionKey);
  return absl::FailedPreconditionError(
      absl::StrCat("this is vecferry ", VECFERRY_VERSION, " with plan format ", core::kPlanFormat, "; the caller is ",
                   version.empty() ? "of an unknown version" : version, " with plan format ",
                   format.empty() ? "unknown" : format, ": run the same version everywhere"));
}

// Without the port, which each connection has anew.
std::string HostOf(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

absl::Status Admit(const grpc::ServerContext& context, std::initializer_list<Role> roles) {
  absl::Status status = CheckRole(context, roles);
  if (status.ok()) status = CheckPlanFormat(context);
  if (!status.ok()) {
    telemetry::LogWarningOnce(absl::StrCat("refused a call of ", HostOf(context.peer()), ": ", status.message()));
  }
  return status;
}

}  // namespace

grpc::Status Handle(const grpc::ServerContext& context, std::initializer_list<Role> roles,
                    absl::FunctionRef<absl::Status()> call) {
  const telemetry::TraceScope scope(TraceparentOf(context));
  const absl::Status admitted = Admit(context, roles);
  return ToGrpc(admitted.ok() ? call() : admitted);
}

grpc::Status Handle(const grpc::ServerContext& context, std::initializer_list<Role> roles, const ToldMethod& method,
                    absl::FunctionRef<absl::Status()> call) {
  const std::string caller = TraceparentOf(context);
  telemetry::Span span = StartCallSpan(method, telemetry::SpanKind::kServer, caller);
  // Where nothing is recorded the trace passes through.
  const telemetry::TraceScope scope(span.recording() ? span.traceparent() : caller);
  absl::Status status = Admit(context, roles);
  if (status.ok()) status = call();
  EndCallSpan(span, status);
  return ToGrpc(status);
}

void Introduce(grpc::ClientContext& context) {
  context.AddMetadata(kVersionKey, VECFERRY_VERSION);
  context.AddMetadata(kPlanFormatKey, absl::StrCat(core::kPlanFormat));
  if (const std::string traceparent = telemetry::CurrentTraceparent(); !traceparent.empty()) {
    context.AddMetadata(kTraceparentKey, traceparent);
  }
}

}  // namespace vecferry::rpc
