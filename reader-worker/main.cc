#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/flags/values.h"
#include "common/rpc/channel.h"
#include "common/service/coordinators.h"
#include "common/service/program.h"
#include "common/service/worker.h"
#include "common/source/local_copies.h"
#include "common/telemetry/log.h"
#include "reader-worker/reader.h"
#include "reader-worker/writer_clients.h"

namespace {

using vecferry::flags::Arguments;
using vecferry::reader::ReaderOptions;
using vecferry::reader::ReaderStream;
using vecferry::rpc::WriterClient;
using vecferry::service::Coordinators;
using vecferry::service::CoordinatorsOptions;
using vecferry::service::Program;
using vecferry::service::Service;
using vecferry::service::ServiceOptions;
using vecferry::service::Setup;

constexpr int kStreamsMax = 64;
// A writer that stays away: the coordinator names another one with the next lease.
constexpr absl::Duration kRetryMax = absl::Seconds(3);

// Streams that carry leases, each on a thread of its own.
class Reader : public Service {
 public:
  Reader(CoordinatorsOptions coordinators, ReaderOptions options, int streams, const std::string& scratch_dir,
         const ServiceOptions& service)
      : copies_(scratch_dir),
        coordinators_(WithCopies(std::move(coordinators))),
        writers_([&service](const std::string& address) { return MakeWriter(address, service); }) {
    options.worker = coordinators_.worker();
    const auto open_source = [this](const std::string& snapshot, const std::function<bool()>& stopping) {
      return OpenSource(snapshot, stopping);
    };
    const auto find_writer = [this](const std::string& address) { return writers_.Find(address); };
    for (int i = 0; i < streams; ++i) {
      streams_.push_back(vecferry::reader::MakeReaderStream(options, open_source, coordinators_.leases(), find_writer));
    }
  }

  ~Reader() override {
    for (const auto& stream : streams_) stream->Stop();
    for (std::thread& thread : threads_) thread.join();
  }

  std::vector<grpc::Service*> services() override { return {}; }

  void Listening(const std::string& address) override {
    coordinators_.Start(address);
    vecferry::base::MutexLock lock(&mutex_);
    running_ = streams_.size();
    for (const auto& stream : streams_) threads_.emplace_back([this, running = stream.get()] { Run(*running); });
  }

  std::string WhyNotReady() override { return coordinators_.WhyNotReady(); }

  void Drain(absl::Time deadline) override {
    coordinators_.BeginDrain();
    for (const auto& stream : streams_) stream->Stop();
    vecferry::base::MutexLock lock(&mutex_);
    const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ == 0; };
    if (mutex_.AwaitUntil(deadline, none)) return;
    // Nothing is lost: what a writer does not commit is carried again.
    vecferry::telemetry::LogWarning(absl::StrCat(running_, " streams wait for their writers past the deadline"));
  }

 private:
  static absl::StatusOr<std::shared_ptr<WriterClient>> MakeWriter(const std::string& address,
                                                                  const ServiceOptions& service) {
    RETURN_IF_ERROR(vecferry::rpc::CheckPlainText("writer", address, service.server.tls, service.server.insecure));
    ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel,
                     vecferry::rpc::MakeChannel(address, service.server.tls, vecferry::rpc::Role::kWriter));
    return vecferry::rpc::MakeWriterClient(std::move(channel));
  }

  CoordinatorsOptions WithCopies(CoordinatorsOptions options) {
    options.on_snapshots = [this](const std::set<std::string>& in_use) { copies_.KeepOnly(in_use); };
    return options;
  }

  absl::StatusOr<std::shared_ptr<vecferry::sqlite::SnapshotConnection>> OpenSource(
      const std::string& snapshot, const std::function<bool()>& stopping) {
    auto source = copies_.Open(snapshot, coordinators_.sources(), stopping);
    // Not for good: whoever takes the migration up has a copy of its own, and says so with the next lease; and where
    // there is no room for it, or the coordinator sends to others for too long, a reader of another host may have it.
    if (!absl::IsNotFound(source.status()) && !absl::IsResourceExhausted(source.status())) return source;
    return absl::UnavailableError(source.status().message());
  }

  void Run(ReaderStream& stream) {
    const absl::Status status = stream.Run();
    if (!status.ok()) vecferry::telemetry::LogError(absl::StrCat("a stream ended: ", status.message()));
    vecferry::base::MutexLock lock(&mutex_);
    --running_;
  }

  vecferry::source::LocalCopies copies_;
  Coordinators coordinators_;
  vecferry::reader::WriterClients writers_;
  std::vector<std::unique_ptr<ReaderStream>> streams_;
  vecferry::base::Mutex mutex_;
  std::size_t running_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::thread> threads_;
};

void AddFlags(Arguments& arguments) {
  vecferry::service::AddWorkerFlags(arguments);
  arguments.AddText("--streams", "N", "Shards carried at once (default: as many as processors)");
  arguments.AddText("--scratch-dir", "DIR", "Copies of sources lie here (default: $TMPDIR)");
}

absl::StatusOr<std::unique_ptr<Service>> Make(const Setup& setup) {
  ASSIGN_OR_RETURN(
      CoordinatorsOptions coordinators,
      vecferry::service::ReadWorkerFlags(setup.arguments, setup.options, vecferry::rpc::WorkerKind::kReader));
  const int processors = std::clamp<int>(static_cast<int>(std::thread::hardware_concurrency()), 1, kStreamsMax);
  ASSIGN_OR_RETURN(
      const std::int64_t streams,
      vecferry::flags::ParseNumber("--streams", setup.arguments.Get("--streams").value_or(absl::StrCat(processors)), 1,
                                   kStreamsMax));
  coordinators.beat.streams_max = static_cast<int>(streams);
  ReaderOptions options;
  options.stay = vecferry::reader::Stay::kUntilStopped;
  options.retry_max = kRetryMax;
  options.registry = setup.registry;
  return std::make_unique<Reader>(std::move(coordinators), std::move(options), static_cast<int>(streams),
                                  setup.arguments.Get("--scratch-dir").value_or(""), setup.options);
}

}  // namespace

int main(int argc, char** argv) {
  const Program program = {"vecferry-reader",
                           "Reads shards of sources and streams them to writers, as coordinators lease them.", AddFlags,
                           Make};
  return vecferry::service::Run(program, {argv + 1, argv + argc});
}
