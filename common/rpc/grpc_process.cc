#include "common/rpc/grpc_process.h"

#include <grpc/support/log.h>
#include <stdlib.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/telemetry/log.h"

namespace vecferry::rpc {
namespace {

void Log(gpr_log_func_args* arguments) {
  const absl::string_view message = arguments->message;
  // Of every good connection by address: certificates say roles, not hosts.
  if (absl::StartsWith(message, "No match found for server name")) return;
  const std::string line = absl::StrCat("gRPC: ", message);
  if (arguments->severity == GPR_LOG_SEVERITY_ERROR) {
    telemetry::LogWarningOnce(line);
  } else {
    telemetry::LogInfo(line);  // only where GRPC_VERBOSITY asks for it
  }
}

}  // namespace

GrpcProcess::GrpcProcess() {
  // A connection that nobody waits for is made only when gRPC looks, by default every 5 s: so long, twice, a service
  // that comes back would stay unseen by calls that fail at once.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "250", /*overwrite=*/0);
  gpr_set_log_function(Log);
}
GrpcProcess::~GrpcProcess() { gpr_set_log_function(nullptr); }

}  // namespace vecferry::rpc
