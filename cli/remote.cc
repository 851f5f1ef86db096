#include "cli/remote.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/core/waiting_step.h"
#include "common/rpc/channel.h"
#include "common/telemetry/log.h"

namespace vecferry::cli {
namespace {

constexpr absl::Duration kReachMax = absl::Seconds(10);
// A standby waits 30 s before it takes the place of a coordinator that is only silent; a cluster may take minutes to
// start another.
constexpr absl::Duration kAwayMax = absl::Minutes(10);
constexpr absl::Duration kPause = absl::Milliseconds(500);

// What a coordinator that goes, or is not there yet, makes of a call.
bool IsAway(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsCancelled(status) ||
         absl::IsUnknown(status);
}

absl::Status NoAnswer(const RemoteOptions& remote, const absl::Status& status) {
  // What the coordinator itself says of its destination.
  if (absl::StrContains(status.message(), "Postgres")) {
    return absl::UnavailableError(absl::StrCat("the coordinator at ", remote.coordinator, " says: ", status.message()));
  }
  return absl::UnavailableError(absl::StrCat(
      "the coordinator at ", remote.coordinator, " does not answer (", status.message(), "): is it up, and ",
      remote.tls.enabled() ? "does the authority of --tls-ca sign its certificate, and its authority this client's?"
                           : "does it ask for certificates (--tls-cert, --tls-key, --tls-ca)?"));
}

}  // namespace

void DeclareRemoteFlags(flags::Arguments& arguments, bool needed) {
  arguments.AddText("--coordinator", "HOST:PORT",
                    needed ? "The running coordinator that is asked (needed)"
                           : "Have a running coordinator do it (default: this process)");
  arguments.AddText("--to-connection", "NAME", "With --coordinator: the destination, as the coordinator knows it");
  arguments.AddText("--tls-cert", "FILE", "With --coordinator: this client's certificate, PEM");
  arguments.AddText("--tls-key", "FILE", "Its key, PEM");
  arguments.AddText("--tls-ca", "FILE", "The authority that signs the coordinator's certificate, PEM");
  arguments.AddSwitch("--insecure", "With --coordinator: plain text beyond loopback addresses");
}

absl::Status ReadRemoteFlags(const flags::Arguments& arguments, RemoteOptions& remote) {
  remote.coordinator = arguments.Get("--coordinator").value_or("");
  remote.connection = arguments.Get("--to-connection").value_or("");
  remote.tls = {arguments.Get("--tls-cert").value_or(""), arguments.Get("--tls-key").value_or(""),
                arguments.Get("--tls-ca").value_or("")};
  remote.insecure = arguments.Has("--insecure");
  if (remote.coordinator.empty()) {
    for (const char* flag : {"--to-connection", "--tls-cert", "--tls-key", "--tls-ca", "--insecure"}) {
      if (!arguments.Has(flag)) continue;
      return absl::InvalidArgumentError(absl::StrCat(flag, " goes with --coordinator HOST:PORT, which is missing"));
    }
    return absl::OkStatus();
  }
  if (arguments.Has("--postgres-url")) {
    return absl::InvalidArgumentError(
        "--postgres-url and --coordinator exclude each other: URLs never travel; allowed: --to-connection NAME, a "
        "connection that the coordinator, the writers and the verifier know");
  }
  if (remote.connection.empty()) {
    return absl::InvalidArgumentError("--to-connection is missing; allowed: a connection's name at the coordinator");
  }
  return rpc::CheckPlainText("--coordinator", remote.coordinator, remote.tls, remote.insecure);
}

std::string RemoteDestination(const RemoteOptions& remote) {
  return absl::StrCat("connection ", remote.connection, " of the coordinator at ", remote.coordinator);
}

absl::StatusOr<std::unique_ptr<rpc::MigrationClient>> ConnectCoordinator(const RemoteOptions& remote) {
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                   rpc::MakeChannel(remote.coordinator, remote.tls, rpc::Role::kCoordinator));
  return rpc::MakeMigrationClient(std::move(channel));
}

absl::Status AskAgain(const RemoteOptions& remote, const std::function<absl::Status()>& ask) {
  const absl::Time give_up = absl::Now() + kReachMax;
  while (true) {
    const absl::Status status = ask();
    if (!absl::IsUnavailable(status)) return status;
    if (absl::Now() >= give_up) return NoAnswer(remote, status);
    absl::SleepFor(kPause);
  }
}

absl::Status WhetherDone(const RemoteOptions& remote, const absl::Status& status) {
  if (remote.coordinator.empty() || !IsAway(status)) return status;
  return absl::UnavailableError(
      absl::StrCat("the coordinator at ", remote.coordinator, " went away (", status.message(),
                   "): it may or may not have done it; run the same command again, which does "
                   "no harm"));
}

absl::StatusOr<core::Report> WatchRemote(rpc::MigrationClient& migrations, const std::string& id,
                                         const std::string& connection,
                                         const std::function<void(const core::Report&)>& on_change) {
  std::optional<absl::Time> away;  // since when nothing was heard of whoever drives it, though it was asked
  while (true) {
    absl::StatusOr<core::Report> report = migrations.Watch(id, connection, [&](const core::Report& now) {
      if (now.step != core::kWaitingForCoordinator) away.reset();
      on_change(now);
      return true;
    });
    if (report.ok() ? !core::IsRunning(report->state) : !IsAway(report.status())) return report;
    const absl::Status why =
        report.ok() ? absl::UnavailableError("no coordinator drives the migration") : report.status();
    if (away && absl::Now() - *away > kAwayMax) return why;
    if (!away) {
      away = absl::Now();
      telemetry::LogWarning(absl::StrCat("the coordinator, or its destination, does not answer: ", why.message(),
                                         "; asking again for ", absl::FormatDuration(kAwayMax)));
    }
    absl::SleepFor(kPause);
  }
}

}  // namespace vecferry::cli
