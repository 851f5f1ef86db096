#ifndef VECFERRY_TESTS_SUPPORT_LOOPBACK_H_
#define VECFERRY_TESTS_SUPPORT_LOOPBACK_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/report.h"
#include "common/rpc/clients.h"
#include "common/sqlite/snapshot.h"
#include "coordinator/coordinator.h"
#include "reader-worker/reader.h"
#include "verifier/verifier_service.h"
#include "writer-worker/writer_service.h"

namespace grpc {
class Server;
}

namespace vecferry::testing {

// Coordinator, writer, verifier and readers over a SQLite file and a real Postgres, in this process over gRPC: what one
// command does. One object is one run of the command; end it and make another to resume. Not thread-safe.
class LoopbackCluster {
 public:
  struct Options {
    std::string source_path;
    std::string conninfo;
    int streams = 2;
    std::size_t commit_group_bytes = 16 << 20;
    std::int64_t shard_bytes_max = 64 << 20;
    absl::Duration lease_time = absl::Seconds(30);
    absl::Duration claim_patience = absl::Seconds(5);
    absl::Duration reconnect_max = absl::Seconds(60);
    absl::Duration drain_time = absl::Seconds(5);  // for an interrupted commit group to end
    bool destination_runs = true;
    sqlite::SnapshotOptions snapshot;
  };
  explicit LoopbackCluster(const Options& options);
  ~LoopbackCluster();
  LoopbackCluster(const LoopbackCluster&) = delete;
  LoopbackCluster& operator=(const LoopbackCluster&) = delete;

  // A request for the file into schema `mem`, to be changed at will.
  rpc::StartOptions Request() const;
  rpc::MigrationClient& migrations() { return *migrations_; }
  rpc::LeaseClient& leases() { return *leases_; }
  rpc::VerifierClient& verifications() { return *verifications_; }
  sqlite::Snapshot& snapshot() { return *snapshot_; }
  coordinator::Coordinator& coordinator() { return *coordinator_; }

  // Starts or resumes, lets the readers run, and watches until the migration no longer runs; the last report.
  // `look_on` is asked again and again from another thread, once more at most after the end; it may be empty. Returning
  // false stops the run as SIGINT does.
  absl::StatusOr<core::Report> Run(const rpc::StartOptions& request,
                                   const std::function<bool(const core::Report&)>& look_on = nullptr);
  absl::StatusOr<core::Report> Run() { return Run(Request()); }
  // As SIGINT: everybody leaves a resumable state.
  void Interrupt();

 private:
  reader::OpenSource OpenHeld(int index);
  void Serve(const Options& options);
  const Options options_;
  std::unique_ptr<sqlite::Snapshot> snapshot_;
  std::unique_ptr<verifier::VerifierService> verifier_;
  std::unique_ptr<writer::WriterService> writer_;
  std::unique_ptr<coordinator::Coordinator> coordinator_;
  std::unique_ptr<grpc::Server> workers_, coordination_;
  std::shared_ptr<rpc::VerifierClient> verifications_;
  std::shared_ptr<rpc::WriterClient> writers_;
  std::unique_ptr<rpc::LeaseClient> leases_;
  std::unique_ptr<rpc::MigrationClient> migrations_;
  std::vector<std::unique_ptr<reader::ReaderStream>> readers_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_LOOPBACK_H_
