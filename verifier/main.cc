#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/service/coordinators.h"
#include "common/service/program.h"
#include "common/service/worker.h"
#include "common/source/local_copies.h"
#include "verifier/verifier_service.h"

namespace {

using vecferry::flags::Arguments;
using vecferry::service::Coordinators;
using vecferry::service::CoordinatorsOptions;
using vecferry::service::Program;
using vecferry::service::Service;
using vecferry::service::Setup;

class Verifier : public Service {
 public:
  Verifier(CoordinatorsOptions coordinators, const std::string& scratch_dir, const Setup& setup)
      : copies_(scratch_dir), coordinators_(WithCopies(std::move(coordinators))), service_(MakeService(setup)) {}

  std::vector<grpc::Service*> services() override { return {service_->service()}; }
  void Listening(const std::string& address) override { coordinators_.Start(address); }
  std::string WhyNotReady() override { return coordinators_.WhyNotReady(); }
  void Drain(absl::Time deadline) override {
    coordinators_.BeginDrain();
    service_->Drain(deadline);
  }

 private:
  CoordinatorsOptions WithCopies(CoordinatorsOptions options) {
    options.on_snapshots = [this](const std::set<std::string>& in_use) { copies_.KeepOnly(in_use); };
    return options;
  }

  std::unique_ptr<vecferry::verifier::VerifierService> MakeService(const Setup& setup) {
    const vecferry::service::Connections& connections = setup.connections;
    return vecferry::verifier::MakeVerifierService(
        [this](const std::string& snapshot, const std::function<bool()>& stopping) {
          auto source = copies_.Open(snapshot, coordinators_.sources(), stopping);
          if (!absl::IsResourceExhausted(source.status())) return source;
          // Another verifier may have the room.
          return decltype(source)(absl::UnavailableError(source.status().message()));
        },
        [&connections](absl::string_view name) { return connections.Resolve(name); }, setup.registry);
  }

  vecferry::source::LocalCopies copies_;
  Coordinators coordinators_;
  const std::unique_ptr<vecferry::verifier::VerifierService> service_;
};

void AddFlags(Arguments& arguments) {
  vecferry::service::AddWorkerFlags(arguments);
  arguments.AddText("--scratch-dir", "DIR", "Copies of sources lie here (default: $TMPDIR)");
}

absl::StatusOr<std::unique_ptr<Service>> Make(const Setup& setup) {
  ASSIGN_OR_RETURN(
      CoordinatorsOptions coordinators,
      vecferry::service::ReadWorkerFlags(setup.arguments, setup.options, vecferry::rpc::WorkerKind::kVerifier));
  return std::make_unique<Verifier>(std::move(coordinators), setup.arguments.Get("--scratch-dir").value_or(""), setup);
}

}  // namespace

int main(int argc, char** argv) {
  const Program program = {"vecferry-verifier", "Proves that what a migration carried has arrived.", AddFlags, Make};
  return vecferry::service::Run(program, {argv + 1, argv + argc});
}
