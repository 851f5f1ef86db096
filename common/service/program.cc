#include "common/service/program.h"

#include <stdio.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/process_signals.h"
#include "common/base/status_macros.h"
#include "common/rpc/grpc_process.h"
#include "common/telemetry/http_endpoints.h"
#include "common/telemetry/log.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/tracing.h"

namespace vecferry::service {
namespace {

// Past the drain timeout calls are cut off; then the process has so long to end by itself.
constexpr absl::Duration kCutOffTime = absl::Seconds(5);

void Say(FILE* to, absl::string_view text) {
  fwrite(text.data(), 1, text.size(), to);
  fflush(to);
}

// Set by a signal's handler, awaited by main.
class Event {
 public:
  void Set() {
    base::MutexLock lock(&mutex_);
    set_ = true;
  }
  void Await() {
    base::MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return set_; });
  }

 private:
  base::Mutex mutex_;
  bool set_ ABSL_GUARDED_BY(mutex_) = false;
};

absl::Status Serve(const Program& program, const ServiceOptions& options, const flags::Arguments& arguments) {
  base::ProcessSignals signals(options.drain_timeout + kCutOffTime);
  RETURN_IF_ERROR(telemetry::StartLogging(
      {options.log_level, options.log_format == "json" ? telemetry::LogFormat::kJson : telemetry::LogFormat::kText}));
  const rpc::GrpcProcess grpc;
  // First, so that it ends last: what the others tell at their end is sent too.
  ASSIGN_OR_RETURN(const std::unique_ptr<telemetry::Tracing> tracing,
                   telemetry::Tracing::Start(program.name, ProcessEnvironment()));
  const std::shared_ptr<prometheus::Registry> registry = telemetry::MakeRegistry();
  const Connections connections(options, ProcessEnvironment());
  ASSIGN_OR_RETURN(const std::unique_ptr<Service> service, program.make({options, arguments, connections, registry}));
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server, rpc::Server::Start(options.server, service->services()));
  std::atomic<bool> draining = false;
  std::unique_ptr<telemetry::HttpEndpoints> endpoints;
  if (!options.metrics_listen.empty()) {
    const auto why_not = [&] { return draining ? "draining" : service->WhyNotReady(); };
    ASSIGN_OR_RETURN(endpoints, telemetry::HttpEndpoints::Start(options.metrics_listen, *registry, why_not));
    Say(stdout, absl::StrCat("metrics on ", endpoints->address(), "\n"));
  }
  Event stop;
  signals.OnInterrupt([&stop] { stop.Set(); });
  server->SetServing(true);
  service->Listening(server->address());
  Say(stdout, absl::StrCat("listening on ", server->address(), "\n"));
  stop.Await();
  draining = true;
  server->SetServing(false);
  telemetry::LogInfo(absl::StrCat("draining, for ", absl::FormatDuration(options.drain_timeout), " at most"));
  const absl::Time deadline = absl::Now() + options.drain_timeout;
  service->Drain(deadline);
  server->ShutDown(std::max(deadline - absl::Now(), absl::ZeroDuration()));
  telemetry::LogInfo("drained");
  return absl::OkStatus();
}

}  // namespace

int Run(const Program& program, const std::vector<std::string>& words) {
  flags::Arguments arguments(program.name, program.about);
  AddServiceFlags(arguments);
  program.add_flags(arguments);
  arguments.AddSwitch("--version", "Say the version");
  absl::Status status = arguments.Parse(words);
  if (status.ok() && (arguments.help_asked() || arguments.Has("--version"))) {
    Say(stdout, arguments.help_asked() ? arguments.Help() : absl::StrCat(program.name, " ", VECFERRY_VERSION, "\n"));
    return 0;
  }
  if (status.ok()) {
    arguments.TakeFromEnvironment(ProcessEnvironment());
    const absl::StatusOr<ServiceOptions> options = ReadServiceFlags(arguments);
    status = options.ok() ? Serve(program, *options, arguments) : options.status();
  }
  if (status.ok()) return 0;
  Say(stderr, absl::StrCat(program.name, ": ", status.message(), "\n"));
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

}  // namespace vecferry::service
