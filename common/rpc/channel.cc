#include "common/rpc/channel.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/server.h"

namespace vecferry::rpc {
namespace {

// 4,096 shards and the default 1,000 duplicates of a mapping take under 1 MiB; 256 MiB holds millions of either.
constexpr int kReceivedBytesMax = 256 << 20;
constexpr int kReconnectMillisecondsMax = 2000;

}  // namespace

grpc::ChannelArguments MakeChannelArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceivedBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMilliseconds);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A service that comes back is to be found again within seconds, not after gRPC's two minutes.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMillisecondsMax);
  return arguments;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address, const TlsFiles& tls,
                                                           Role server) {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ChannelCredentials> credentials, MakeChannelCredentials(tls, server));
  return grpc::CreateCustomChannel(address, credentials, MakeChannelArguments());
}

absl::Status CheckPlainText(const std::string& flag, const std::string& address, const TlsFiles& tls, bool insecure) {
  if (tls.enabled() || insecure || IsLoopback(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(flag, flag.empty() ? "" : " ", address,
                                                 " is not on this machine: it needs --tls-cert, --tls-key and "
                                                 "--tls-ca, or --insecure"));
}

}  // namespace vecferry::rpc
