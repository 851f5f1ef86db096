#ifndef VECFERRY_COMMON_RPC_SERVER_H_
#define VECFERRY_COMMON_RPC_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/security.h"

namespace grpc {
class Server;
class Service;
}  // namespace grpc

namespace vecferry::rpc {

struct ServerOptions {
  std::string listen;       // HOST:PORT; port 0 = any. "" = no port: reached by InProcessChannel alone
  TlsFiles tls;             // without: plain text, for loopback addresses only
  bool insecure = false;    // plain text beyond loopback
  bool reflection = false;  // grpc.reflection, for tools that ask what can be called
};

// A gRPC server with grpc.health.v1, bounds on messages and metadata, and keepalive that finds half-open connections.
// Thread-safe.
class Server {
 public:
  // `services` must outlive it. Errors: kInvalidArgument: the address, the TLS files, or plain text where it is not
  // accepted; kUnavailable: the port is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  grpc::Server& grpc() { return *server_; }
  // HOST:PORT with the port that was chosen; "" without a port.
  const std::string& address() const { return address_; }
  // What health checks are told.
  void SetServing(bool serving);
  // No new calls; running ones are cut off past `patience`.
  void ShutDown(absl::Duration patience);

 private:
  Server(std::unique_ptr<grpc::Server> server, std::string address);

  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
};

// Whether only this machine reaches HOST:PORT.
bool IsLoopback(const std::string& address);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_SERVER_H_
