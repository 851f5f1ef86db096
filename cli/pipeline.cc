#include "cli/pipeline.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"

namespace vecferry::cli {
namespace {

constexpr int kCoordinatorConnection = 0, kVerifierConnection = 1, kFirstReaderConnection = 2;
constexpr absl::Duration kDrainTime = absl::Seconds(5);

// For commands without a source: they only look at the ledger.
class NoVerifier : public rpc::VerifierClient {
 public:
  absl::Status Verify(const rpc::Verification&, core::Findings&) override {
    return absl::FailedPreconditionError("this command has no source to verify with");
  }
};

// No port: reached through its channel alone.
std::unique_ptr<rpc::Server> Serve(const std::vector<grpc::Service*>& services) {
  return *rpc::Server::Start(rpc::ServerOptions(), services);
}

}  // namespace

Pipeline::Pipeline(const PipelineOptions& options, sqlite::Snapshot* snapshot)
    : snapshot_(snapshot), connection_(options.destination_runs ? kConnectionName : "") {
  MakeServers(options);
  if (snapshot_ == nullptr) return;
  for (int i = 0; i < options.streams; ++i) {
    reader::ReaderOptions reader;
    absl::StrAppend(&reader.worker, "-", i);
    readers_.push_back(reader::MakeReaderStream(reader, OpenHeld(kFirstReaderConnection + i), *leases_,
                                                [this](const std::string&) { return writer_client_; }));
  }
}

reader::OpenSource Pipeline::OpenHeld(int index) {
  return [this, index](const std::string&, const std::function<bool()>&) {
    // Not owned: the snapshot outlives the pipeline.
    return std::shared_ptr<sqlite::SnapshotConnection>(std::shared_ptr<void>(), &snapshot_->connection(index));
  };
}

void Pipeline::MakeServers(const PipelineOptions& options) {
  const postgres::ConnectionResolver resolver =
      [conninfo = options.conninfo](absl::string_view name) -> absl::StatusOr<std::string> {
    if (name == kConnectionName) return conninfo;
    return absl::NotFoundError(absl::StrCat("no connection is called '", name, "'"));
  };
  const grpc::ChannelArguments arguments = rpc::MakeChannelArguments();
  if (snapshot_ != nullptr) {
    verifier_ = verifier::MakeVerifierService(OpenHeld(kVerifierConnection), resolver);
    writer::WriterOptions writer;
    writer.streams_max = options.streams;
    writer_ = writer::MakeWriterService(writer, resolver);
    worker_server_ = Serve({verifier_->service(), writer_->service()});
    const std::shared_ptr<grpc::Channel> workers = worker_server_->grpc().InProcessChannel(arguments);
    verifications_ = rpc::MakeVerifierClient(workers);
    writer_client_ = rpc::MakeWriterClient(workers);
  } else {
    verifications_ = std::make_unique<NoVerifier>();
  }
  coordinator_ = coordinator::MakeCoordinator({}, coordinator::MakeHeldSources(snapshot_, kCoordinatorConnection),
                                              coordinator::MakeOwnWorkers(verifications_), resolver);
  coordinator_server_ = Serve({coordinator_->migration_service(), coordinator_->lease_service()});
  const std::shared_ptr<grpc::Channel> coordination = coordinator_server_->grpc().InProcessChannel(arguments);
  leases_ = rpc::MakeLeaseClient(coordination);
  migrations_ = rpc::MakeMigrationClient(coordination);
}

Pipeline::~Pipeline() {
  for (const auto& reader : readers_) reader->Stop();
  for (std::thread& thread : threads_) thread.join();
  coordinator_->Stop();
  coordinator_server_.reset();
  worker_server_.reset();
}

void Pipeline::StartReaders() {
  for (std::size_t i = 0; i < readers_.size(); ++i)
    threads_.emplace_back([this, i] { RunReader(static_cast<int>(i)); });
}

void Pipeline::RunReader(int index) {
  const absl::Status status = readers_[index]->Run();
  if (status.ok()) return;
  {
    base::MutexLock lock(&mutex_);
    reader_status_.Update(status);
  }
  // The others cannot finish the migration for it: everything stops, resumable.
  coordinator_->Stop();
}

absl::Status Pipeline::JoinReaders() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  base::MutexLock lock(&mutex_);
  return interrupted_ ? absl::OkStatus() : reader_status_;
}

void Pipeline::InterruptSource() {
  if (snapshot_ != nullptr) snapshot_->Interrupt();
}

void Pipeline::InterruptPlanning() {
  InterruptSource();
  coordinator_->Stop();
}

void Pipeline::Interrupt() {
  {
    base::MutexLock lock(&mutex_);
    interrupted_ = true;
  }
  for (const auto& reader : readers_) reader->Stop();
  InterruptSource();
  std::thread drain([this] {
    if (writer_ != nullptr) writer_->Drain(absl::Now() + kDrainTime);
  });
  coordinator_->Stop();
  // Later than the coordinator, which would take the end of the checks for a failure.
  if (verifier_ != nullptr) verifier_->Stop();
  drain.join();
}

}  // namespace vecferry::cli
