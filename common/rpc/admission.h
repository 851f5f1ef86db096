#ifndef VECFERRY_COMMON_RPC_ADMISSION_H_
#define VECFERRY_COMMON_RPC_ADMISSION_H_

#include <grpcpp/support/status.h>

#include <initializer_list>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/rpc/security.h"

namespace grpc {
class ClientContext;
class ServerContext;
}  // namespace grpc

namespace vecferry::rpc {

struct ToldMethod;

// Metadata of a call that is made within a span: W3C Trace Context.
inline constexpr char kTraceparentKey[] = "traceparent";

// Every handler of a service is one of these: checks who calls, then answers with what `call` returns.
// Each call names the program's version and its plan format in metadata. Errors beside those of `call`:
// FAILED_PRECONDITION: another plan format, naming both versions; PERMISSION_DENIED: the peer's certificate proves none
// of `roles`. Both are logged, once a host and reason. Without TLS everybody who can connect has every role. What the
// handler logs and calls belongs to its caller's trace, if the caller sent one.
grpc::Status Handle(const grpc::ServerContext& context, std::initializer_list<Role> roles,
                    absl::FunctionRef<absl::Status()> call);
// Also tells a caller that sent a trace of the call, as a span that is current while `call` runs (call_span.h).
grpc::Status Handle(const grpc::ServerContext& context, std::initializer_list<Role> roles, const ToldMethod& method,
                    absl::FunctionRef<absl::Status()> call);

// What Handle asks for, on the caller's side, and the calling thread's current span. Once a call, before it is made.
void Introduce(grpc::ClientContext& context);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_ADMISSION_H_
