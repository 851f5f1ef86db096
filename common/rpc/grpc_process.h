#ifndef VECFERRY_COMMON_RPC_GRPC_PROCESS_H_
#define VECFERRY_COMMON_RPC_GRPC_PROCESS_H_

namespace vecferry::rpc {

// What gRPC has once a process. While it lives, what gRPC logs, such as connections that end at TLS, are lines of our
// log, each said once. After telemetry::StartLogging, before anything else of gRPC.
class GrpcProcess {
 public:
  GrpcProcess();
  ~GrpcProcess();
  GrpcProcess(const GrpcProcess&) = delete;
  GrpcProcess& operator=(const GrpcProcess&) = delete;
};

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_GRPC_PROCESS_H_
