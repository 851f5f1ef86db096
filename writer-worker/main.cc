#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/flags/values.h"
#include "common/service/coordinators.h"
#include "common/service/program.h"
#include "common/service/worker.h"
#include "writer-worker/writer_service.h"

namespace {

using vecferry::flags::Arguments;
using vecferry::service::Coordinators;
using vecferry::service::CoordinatorsOptions;
using vecferry::service::Program;
using vecferry::service::Service;
using vecferry::service::Setup;

constexpr std::int64_t kStreamsMax = 1000;

class Writer : public Service {
 public:
  // `coordinators`: nullptr = it waits to be called by whoever knows it.
  Writer(std::unique_ptr<vecferry::writer::WriterService> service, std::unique_ptr<Coordinators> coordinators)
      : service_(std::move(service)), coordinators_(std::move(coordinators)) {}

  std::vector<grpc::Service*> services() override { return {service_->service()}; }
  void Listening(const std::string& address) override {
    if (coordinators_ != nullptr) coordinators_->Start(address);
  }
  std::string WhyNotReady() override { return coordinators_ == nullptr ? "" : coordinators_->WhyNotReady(); }
  void Drain(absl::Time deadline) override {
    if (coordinators_ != nullptr) coordinators_->BeginDrain();
    service_->Drain(deadline);
  }

 private:
  const std::unique_ptr<vecferry::writer::WriterService> service_;
  const std::unique_ptr<Coordinators> coordinators_;
};

void AddFlags(Arguments& arguments) {
  vecferry::service::AddWorkerFlags(arguments);
  arguments.AddText("--streams", "N", "Streams, each with a connection to Postgres, at most (default 4)");
}

absl::StatusOr<std::unique_ptr<Service>> Make(const Setup& setup) {
  vecferry::writer::WriterOptions options;
  ASSIGN_OR_RETURN(
      const std::int64_t streams,
      vecferry::flags::ParseNumber("--streams", setup.arguments.Get("--streams").value_or("4"), 1, kStreamsMax));
  options.streams_max = static_cast<int>(streams);
  options.registry = setup.registry;
  ASSIGN_OR_RETURN(CoordinatorsOptions found, vecferry::service::ReadWorkerFlags(setup.arguments, setup.options,
                                                                                 vecferry::rpc::WorkerKind::kWriter));
  found.beat.streams_max = options.streams_max;
  std::unique_ptr<Coordinators> coordinators;
  if (!found.targets.empty()) coordinators = std::make_unique<Coordinators>(std::move(found));
  const vecferry::service::Connections& connections = setup.connections;
  return std::make_unique<Writer>(
      vecferry::writer::MakeWriterService(options,
                                          [&connections](absl::string_view name) { return connections.Resolve(name); }),
      std::move(coordinators));
}

}  // namespace

int main(int argc, char** argv) {
  const Program program = {"vecferry-writer",
                           "Takes batches over gRPC and commits them to Postgres together with their checkpoint.",
                           AddFlags, Make};
  return vecferry::service::Run(program, {argv + 1, argv + argc});
}
