#ifndef VECFERRY_COMMON_RPC_STATUS_CODEC_H_
#define VECFERRY_COMMON_RPC_STATUS_CODEC_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace vecferry::rpc {

// The two status types have the same codes. Messages are made valid UTF-8 and cut, so that their percent-encoded form
// stays below gRPC's bound of 8 KiB on all metadata of a call.
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_STATUS_CODEC_H_
