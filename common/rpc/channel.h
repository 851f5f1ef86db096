#ifndef VECFERRY_COMMON_RPC_CHANNEL_H_
#define VECFERRY_COMMON_RPC_CHANNEL_H_

#include <grpcpp/support/channel_arguments.h>

namespace vecferry::rpc {

// What every channel to a service is made with, in-process ones too: plans with many shards and duplicates are larger
// than gRPC's 4 MiB for received messages. Services keep that default: batches are cut below it.
grpc::ChannelArguments MakeChannelArguments();

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_CHANNEL_H_
