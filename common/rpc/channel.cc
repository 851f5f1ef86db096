#include "common/rpc/channel.h"

namespace vecferry::rpc {
namespace {

// 4,096 shards and the default 1,000 duplicates of a mapping take under 1 MiB; 256 MiB holds millions of either.
constexpr int kReceivedBytesMax = 256 << 20;

}  // namespace

grpc::ChannelArguments MakeChannelArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceivedBytesMax);
  return arguments;
}

}  // namespace vecferry::rpc
