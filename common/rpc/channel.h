#ifndef VECFERRY_COMMON_RPC_CHANNEL_H_
#define VECFERRY_COMMON_RPC_CHANNEL_H_

#include <grpcpp/support/channel_arguments.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/security.h"

namespace grpc {
class Channel;
}

namespace vecferry::rpc {

// A connection over which nothing came is asked for a sign of life so often, and given up after so long without one.
inline constexpr int kKeepaliveMilliseconds = 10'000, kKeepaliveTimeoutMilliseconds = 10'000;

// What every channel to a service is made with, in-process ones too: plans with many shards and duplicates are larger
// than gRPC's 4 MiB for received messages. Services keep that default: batches are cut below it.
grpc::ChannelArguments MakeChannelArguments();

// A channel to HOST:PORT, where a service of this role answers. Connects when it is first used, and again whenever the
// connection is lost. Errors: as MakeChannelCredentials.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address, const TlsFiles& tls,
                                                           Role server);

// Plain text is for this machine alone, unless somebody says --insecure. Errors: kInvalidArgument, naming `flag` ("" =
// none), the address and the ways out.
absl::Status CheckPlainText(const std::string& flag, const std::string& address, const TlsFiles& tls, bool insecure);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_CHANNEL_H_
