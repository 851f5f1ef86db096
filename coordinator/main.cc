#include <grpcpp/impl/codegen/service_type.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/service/program.h"
#include "coordinator/coordinator.h"
#include "coordinator/copied_sources.h"
#include "coordinator/services.h"
#include "coordinator/source_service.h"
#include "coordinator/stage_clock.h"

namespace {

using vecferry::coordinator::CopiedSources;
using vecferry::coordinator::WorkerRegistry;
using vecferry::flags::Arguments;
using vecferry::service::Program;
using vecferry::service::Service;
using vecferry::service::ServiceOptions;
using vecferry::service::Setup;

// 200 attempts, the later ones 4 s apart: longer than any restart of workers takes.
constexpr int kAttemptsMax = 200;

absl::StatusOr<std::shared_ptr<vecferry::rpc::VerifierClient>> ConnectVerifier(const ServiceOptions& options,
                                                                               const std::string& address) {
  const vecferry::rpc::ServerOptions& server = options.server;
  RETURN_IF_ERROR(vecferry::rpc::CheckPlainText("", address, server.tls, server.insecure));
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                   vecferry::rpc::MakeChannel(address, server.tls, vecferry::rpc::Role::kVerifier));
  return vecferry::rpc::MakeVerifierClient(std::move(channel));
}

class CoordinatorProgram : public Service {
 public:
  explicit CoordinatorProgram(const Setup& setup)
      : sources_(vecferry::coordinator::MakeCopiedSources(setup.arguments.Get("--scratch-dir").value_or(""))),
        registry_(std::make_shared<WorkerRegistry>(
            [&options = setup.options](const std::string& address) { return ConnectVerifier(options, address); },
            vecferry::coordinator::Monotonic)),
        coordinator_(MakeCoordinator(setup)),
        worker_service_(vecferry::coordinator::MakeWorkerService(*registry_, [this] { return sources_->InUse(); })),
        source_service_(vecferry::coordinator::MakeSourceService(
            [this](const std::string& snapshot) { return sources_->Find(snapshot); })) {}

  std::vector<grpc::Service*> services() override {
    return {coordinator_->migration_service(), coordinator_->lease_service(), worker_service_.get(),
            source_service_.get()};
  }
  std::string WhyNotReady() override { return coordinator_->ready() ? "" : "looking for migrations to take up"; }
  void Drain(absl::Time) override { coordinator_->Stop(); }

 private:
  std::unique_ptr<vecferry::coordinator::Coordinator> MakeCoordinator(const Setup& setup) {
    vecferry::coordinator::CoordinatorOptions options;
    options.life = vecferry::coordinator::Life::kService;
    options.attempts_max = kAttemptsMax;
    options.registry = setup.registry;
    const vecferry::service::Connections& connections = setup.connections;
    options.duties.connection_names = [&connections] { return connections.Names(); };
    options.duties.registry = registry_;
    options.duties.keep_copies = [this](const std::set<std::string>& used) { sources_->KeepOnly(used); };
    options.duties.tidy_copies = [this] { sources_->RemoveDiscarded(); };
    return vecferry::coordinator::MakeCoordinator(
        options, sources_, registry_, [&connections](absl::string_view name) { return connections.Resolve(name); });
  }

  const std::shared_ptr<CopiedSources> sources_;
  const std::shared_ptr<WorkerRegistry> registry_;
  const std::unique_ptr<vecferry::coordinator::Coordinator> coordinator_;
  const std::unique_ptr<grpc::Service> worker_service_, source_service_;
};

void AddFlags(Arguments& arguments) {
  arguments.AddText("--scratch-dir", "DIR", "Copies of sources lie here (default: $TMPDIR)");
}

absl::StatusOr<std::unique_ptr<Service>> Make(const Setup& setup) {
  return std::make_unique<CoordinatorProgram>(setup);
}

}  // namespace

int main(int argc, char** argv) {
  const Program program = {"vecferry-coordinator",
                           "Plans migrations, leases their shards to readers, and drives them to their end.", AddFlags,
                           Make};
  return vecferry::service::Run(program, {argv + 1, argv + argc});
}
