#ifndef VECFERRY_COMMON_RPC_GRPC_LOG_H_
#define VECFERRY_COMMON_RPC_GRPC_LOG_H_

namespace vecferry::rpc {

// While it lives, what gRPC logs, such as connections that end at TLS, are lines of our log, each said once. One a
// process, after telemetry::StartLogging.
class GrpcLog {
 public:
  GrpcLog();
  ~GrpcLog();
  GrpcLog(const GrpcLog&) = delete;
  GrpcLog& operator=(const GrpcLog&) = delete;
};

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_GRPC_LOG_H_
