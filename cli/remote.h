#ifndef VECFERRY_CLI_REMOTE_H_
#define VECFERRY_CLI_REMOTE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/core/report.h"
#include "common/flags/arguments.h"
#include "common/rpc/clients.h"
#include "common/rpc/security.h"

namespace vecferry::cli {

// A running coordinator that a command talks to, in place of services of its own.
struct RemoteOptions {
  std::string coordinator;  // HOST:PORT; "" = none: the command does it itself
  std::string connection;   // name of the destination's connection, as the coordinator knows it
  rpc::TlsFiles tls;
  bool insecure = false;
};

// `needed`: the command is nothing without a coordinator.
void DeclareRemoteFlags(flags::Arguments& arguments, bool needed = false);
// Errors: kInvalidArgument, naming flags: one without the other, or beside --postgres-url.
absl::Status ReadRemoteFlags(const flags::Arguments& arguments, RemoteOptions& remote);

// What to say of the destination.
std::string RemoteDestination(const RemoteOptions& remote);

// Errors: kInvalidArgument: the TLS files, or plain text beyond this machine without --insecure.
absl::StatusOr<std::unique_ptr<rpc::MigrationClient>> ConnectCoordinator(const RemoteOptions& remote);

// Calls `ask` until it says more than that the coordinator is away, for a short while: one may be starting. Errors:
// those of `ask`; kUnavailable says what to look at.
absl::Status AskAgain(const RemoteOptions& remote, const std::function<absl::Status()>& ask);

// The error of a call that changes something, told so that its caller knows what to do where the coordinator went away.
absl::Status WhetherDone(const RemoteOptions& remote, const absl::Status& status);

// The last report of a migration once it no longer runs; every change is told. Outlasts coordinators: when the one
// that is watched goes away, whoever takes the migration up is watched on, for minutes.
absl::StatusOr<core::Report> WatchRemote(rpc::MigrationClient& migrations, const std::string& id,
                                         const std::string& connection,
                                         const std::function<void(const core::Report&)>& on_change);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_REMOTE_H_
