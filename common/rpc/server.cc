#include "common/rpc/server.h"

#include <arpa/inet.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"

namespace vecferry::rpc {
namespace {

constexpr int kMetadataBytesMax = 8 << 10;
// A client may ask for a sign of life as often as channels of ours do.
constexpr int kPingIntervalMin = kKeepaliveMilliseconds / 2;

// gRPC's reflection library adds itself to every server of a process that is linked with it.
class WithoutReflection : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; }),
                   plugins->end());
  }
};

void Bound(grpc::ServerBuilder& builder) {
  // One queue and few pollers: by default gRPC makes a queue for each core, and threads, with an arena each, for them.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMin);
  // Two processes on one port would share its calls by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

constexpr std::uint32_t kPortMax = 65535;

absl::Status CheckAddress(const ServerOptions& options) {
  const std::size_t colon = options.listen.rfind(':');
  std::uint32_t port = 0;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(options.listen.substr(colon + 1), &port) ||
      port > kPortMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen ", options.listen, ": must be HOST:PORT, a port from 0 to 65535"));
  }
  if (options.tls.enabled() || options.insecure || IsLoopback(options.listen)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--listen ", options.listen,
                                                 " is reached by other machines: it needs --tls-cert, --tls-key and "
                                                 "--tls-ca, or --insecure"));
}

}  // namespace

bool IsLoopback(const std::string& address) {
  in_addr numeric = {};
  // A name may begin like an address.
  const bool is_numeric = inet_pton(AF_INET, address.substr(0, address.rfind(':')).c_str(), &numeric) == 1;
  return (is_numeric && absl::StartsWith(address, "127.")) || absl::StartsWith(address, "[::1]:") ||
         absl::StartsWith(address, "localhost:") || absl::StartsWith(address, "unix:");
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  if (options.reflection) grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  Bound(builder);
  int port = 0;
  if (!options.listen.empty()) {
    RETURN_IF_ERROR(CheckAddress(options));
    grpc::EnableDefaultHealthCheckService(true);
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials, MakeServerCredentials(options.tls));
    builder.AddListeningPort(options.listen, credentials, &port);
  }
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || (!options.listen.empty() && port == 0)) {
    return absl::UnavailableError(absl::StrCat("--listen ", options.listen,
                                               ": nothing can listen there; is another "
                                               "process on that port?"));
  }
  const std::string host = options.listen.substr(0, options.listen.rfind(':'));
  return std::unique_ptr<Server>(new Server(std::move(server), port == 0 ? "" : absl::StrCat(host, ":", port)));
}

Server::Server(std::unique_ptr<grpc::Server> server, std::string address)
    : server_(std::move(server)), address_(std::move(address)) {}

Server::~Server() { ShutDown(absl::Seconds(1)); }

void Server::SetServing(bool serving) {
  if (grpc::HealthCheckServiceInterface* const health = server_->GetHealthCheckService()) {
    health->SetServingStatus(serving);
  }
}

void Server::ShutDown(absl::Duration patience) { server_->Shutdown(absl::ToChronoTime(absl::Now() + patience)); }

}  // namespace vecferry::rpc
