#ifndef VECFERRY_COMMON_RPC_ADMISSION_H_
#define VECFERRY_COMMON_RPC_ADMISSION_H_

#include <grpcpp/support/status.h>

#include <initializer_list>

#include "common/rpc/security.h"

namespace grpc {
class ClientContext;
class ServerContext;
}  // namespace grpc

namespace vecferry::rpc {

// Each call names the program's version and its plan format in metadata; each handler asks this first.
// Errors: FAILED_PRECONDITION: another plan format, naming both versions. PERMISSION_DENIED: the peer's certificate
// proves none of `roles`; logged. Without TLS everybody who can connect has every role.
grpc::Status Admit(const grpc::ServerContext& context, std::initializer_list<Role> roles);

// What Admit asks for, on the caller's side. Once a call, before it is made.
void Introduce(grpc::ClientContext& context);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_ADMISSION_H_
