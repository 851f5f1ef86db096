#include "common/service/worker.h"

#include <unistd.h>
#include <uuid/uuid.h>

#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/flags/values.h"
#include "common/rpc/channel.h"
#include "common/service/address.h"

namespace vecferry::service {
namespace {

// An address to listen on that is none to be reached at.
bool IsEveryAddress(const std::string& listen) {
  return absl::StartsWith(listen, "0.0.0.0:") || absl::StartsWith(listen, "[::]:") || absl::StartsWith(listen, ":::");
}

}  // namespace

void AddWorkerFlags(flags::Arguments& arguments) {
  arguments.AddText("--coordinator", "HOST:PORT,..", "Coordinators to work for; every address of each name is one");
  arguments.AddText("--advertise", "HOST:PORT", "Where others reach this worker (default: where it listens)");
}

absl::StatusOr<CoordinatorsOptions> ReadWorkerFlags(const flags::Arguments& arguments, const ServiceOptions& service,
                                                    rpc::WorkerKind kind) {
  CoordinatorsOptions options;
  options.tls = service.server.tls;
  options.insecure = service.server.insecure;
  options.beat.kind = kind;
  options.beat.worker = MakeWorkerName();
  const std::string coordinators = arguments.Get("--coordinator").value_or("");
  for (const absl::string_view word : absl::StrSplit(coordinators, ',', absl::SkipEmpty())) {
    const std::string text(word);
    ASSIGN_OR_RETURN(HostPort target, ParseHostPort("--coordinator", text));
    RETURN_IF_ERROR(rpc::CheckPlainText("--coordinator", text, options.tls, options.insecure));
    options.targets.push_back(std::move(target));
  }
  // A writer may also be called by somebody who knows it.
  if (options.targets.empty() && (arguments.Has("--coordinator") || kind != rpc::WorkerKind::kWriter)) {
    return absl::InvalidArgumentError("--coordinator is missing; allowed: HOST:PORT[,HOST:PORT...]");
  }
  if (const std::optional<std::string> advertise = arguments.Get("--advertise")) {
    RETURN_IF_ERROR(ParseHostPort("--advertise", *advertise).status());
    if (IsEveryAddress(*advertise))
      return flags::Refuse("--advertise", *advertise, "an address that reaches this worker");
    options.beat.address = *advertise;
  } else if (!options.targets.empty() && kind != rpc::WorkerKind::kReader && IsEveryAddress(service.server.listen)) {
    return absl::InvalidArgumentError(absl::StrCat("--advertise is missing: --listen ", service.server.listen,
                                                   " does not say where others reach this worker; allowed: HOST:PORT"));
  }
  return options;
}

std::string MakeWorkerName() {
  std::array<char, 256> host = {};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {'?'};
  uuid_t id;
  uuid_generate_random(id);
  const std::string digits = absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(id), 4));
  return absl::StrCat(host.data(), "-", getpid(), "-", digits);
}

}  // namespace vecferry::service
