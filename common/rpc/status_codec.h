#ifndef VECFERRY_COMMON_RPC_STATUS_CODEC_H_
#define VECFERRY_COMMON_RPC_STATUS_CODEC_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace vecferry::rpc {

// The two status types have the same codes; messages are made valid UTF-8 and cut at 8 KiB (gRPC's metadata bound).
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_STATUS_CODEC_H_
