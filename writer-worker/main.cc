#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/flags/values.h"
#include "common/service/program.h"
#include "writer-worker/writer_service.h"

namespace {

using vecferry::flags::Arguments;
using vecferry::service::Program;
using vecferry::service::Service;
using vecferry::service::Setup;

constexpr std::int64_t kStreamsMax = 1000;

class Writer : public Service {
 public:
  explicit Writer(std::unique_ptr<vecferry::writer::WriterService> service) : service_(std::move(service)) {}
  std::vector<grpc::Service*> services() override { return {service_->service()}; }
  std::string WhyNotReady() override { return ""; }
  void Drain(absl::Time deadline) override { service_->Drain(deadline); }

 private:
  const std::unique_ptr<vecferry::writer::WriterService> service_;
};

void AddFlags(Arguments& arguments) {
  arguments.AddText("--streams", "N", "Streams, each with a connection to Postgres, at most (default 4)");
}

absl::StatusOr<std::unique_ptr<Service>> Make(const Setup& setup) {
  vecferry::writer::WriterOptions options;
  ASSIGN_OR_RETURN(
      const std::int64_t streams,
      vecferry::flags::ParseNumber("--streams", setup.arguments.Get("--streams").value_or("4"), 1, kStreamsMax));
  options.streams_max = static_cast<int>(streams);
  options.registry = setup.registry;
  const vecferry::service::Connections& connections = setup.connections;
  return std::make_unique<Writer>(vecferry::writer::MakeWriterService(
      options, [&connections](absl::string_view name) { return connections.Resolve(name); }));
}

}  // namespace

int main(int argc, char** argv) {
  const Program program = {"vecferry-writer",
                           "Takes batches over gRPC and commits them to Postgres together with their checkpoint.",
                           AddFlags, Make};
  return vecferry::service::Run(program, {argv + 1, argv + argc});
}
