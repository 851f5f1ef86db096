#include "tests/support/loopback.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"

namespace vecferry::testing {
namespace {

constexpr char kConnection[] = "destination";
constexpr absl::Duration kLookInterval = absl::Milliseconds(10);

std::unique_ptr<grpc::Server> BuildServer(const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  for (grpc::Service* service : services) builder.RegisterService(service);
  return builder.BuildAndStart();
}

}  // namespace

LoopbackCluster::LoopbackCluster(const Options& options) : options_(options) {
  auto snapshot = sqlite::Snapshot::Open(options.source_path, options.streams + 2, options.snapshot);
  if (!snapshot.ok()) {
    fprintf(stderr, "cannot open the test's store: %s\n", snapshot.status().ToString().c_str());
    abort();
  }
  snapshot_ = *std::move(snapshot);
  Serve(options);
}

reader::OpenSource LoopbackCluster::OpenHeld(int index) {
  return [this, index](const std::string&, const std::function<bool()>&) {
    return std::shared_ptr<sqlite::SnapshotConnection>(std::shared_ptr<void>(), &snapshot_->connection(index));
  };
}

void LoopbackCluster::Serve(const Options& options) {
  const postgres::ConnectionResolver resolver = [options](absl::string_view name) -> absl::StatusOr<std::string> {
    if (name != kConnection || !options.destination_runs) return absl::NotFoundError(absl::StrCat("no ", name));
    return options.conninfo;
  };
  verifier_ = verifier::MakeVerifierService(OpenHeld(1), resolver);
  writer::WriterOptions writer;
  writer.streams_max = options.streams;
  writer.commit_group_bytes = options.commit_group_bytes;
  writer_ = writer::MakeWriterService(writer, resolver);
  workers_ = BuildServer({verifier_->service(), writer_->service()});
  verifications_ = rpc::MakeVerifierClient(workers_->InProcessChannel(rpc::MakeChannelArguments()));
  writers_ = rpc::MakeWriterClient(workers_->InProcessChannel(rpc::MakeChannelArguments()));
  coordinator::CoordinatorOptions coordinator;
  coordinator.lease_time = options.lease_time;
  coordinator.shard_bytes_max = options.shard_bytes_max;
  coordinator.claim_patience = options.claim_patience;
  coordinator.reconnect_max = options.reconnect_max;
  coordinator_ = coordinator::MakeCoordinator(coordinator, coordinator::MakeHeldSources(snapshot_.get(), 0),
                                              coordinator::MakeOwnWorkers(verifications_), resolver);
  coordination_ = BuildServer({coordinator_->migration_service(), coordinator_->lease_service()});
  leases_ = rpc::MakeLeaseClient(coordination_->InProcessChannel(rpc::MakeChannelArguments()));
  migrations_ = rpc::MakeMigrationClient(coordination_->InProcessChannel(rpc::MakeChannelArguments()));
  for (int i = 0; i < options.streams; ++i) {
    reader::ReaderOptions reader;
    reader.worker = absl::StrCat("reader-", i);
    readers_.push_back(
        reader::MakeReaderStream(reader, OpenHeld(2 + i), *leases_, [this](const std::string&) { return writers_; }));
  }
}

LoopbackCluster::~LoopbackCluster() {
  Interrupt();
  coordination_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
  workers_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
}

rpc::StartOptions LoopbackCluster::Request() const {
  rpc::StartOptions request;
  request.identity.source_path = options_.source_path;
  request.identity.destination_schema = "mem";
  request.identity.profile = "auto";
  request.connection = kConnection;
  return request;
}

absl::StatusOr<core::Report> LoopbackCluster::Run(const rpc::StartOptions& request,
                                                  const std::function<bool(const core::Report&)>& look_on) {
  ASSIGN_OR_RETURN(const rpc::Started started, migrations_->Start(request));
  std::vector<std::thread> threads;
  for (const auto& reader : readers_) {
    threads.emplace_back([&reader] {
      const absl::Status status = reader->Run();
      if (!status.ok()) fprintf(stderr, "reader: %s\n", status.ToString().c_str());
    });
  }
  base::Mutex mutex;
  bool ended = false;
  std::thread look([&] {
    for (bool last = look_on == nullptr; !last;) {
      const absl::StatusOr<core::Report> now = migrations_->Get(started.migration_id, kConnection);
      if (now.ok() && !look_on(*now)) return Interrupt();
      base::MutexLock lock(&mutex);
      last = mutex.AwaitUntil(absl::Now() + kLookInterval, [&] { return ended; });
    }
  });
  absl::StatusOr<core::Report> report =
      migrations_->Watch(started.migration_id, kConnection, [](const core::Report&) { return true; });
  {
    base::MutexLock lock(&mutex);
    ended = true;
  }
  look.join();
  for (std::thread& thread : threads) thread.join();
  return report;
}

void LoopbackCluster::Interrupt() {
  for (const auto& reader : readers_) reader->Stop();
  coordinator_->Stop();
  verifier_->Stop();
  writer_->Drain(absl::Now() + options_.drain_time);
}

}  // namespace vecferry::testing
