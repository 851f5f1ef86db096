#ifndef VECFERRY_CLI_PIPELINE_H_
#define VECFERRY_CLI_PIPELINE_H_

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"
#include "common/rpc/server.h"
#include "common/sqlite/snapshot.h"
#include "coordinator/coordinator.h"
#include "reader-worker/reader.h"
#include "verifier/verifier_service.h"
#include "writer-worker/writer_service.h"

namespace vecferry::cli {

// The name under which the one destination of a command is known to the services in its process.
inline constexpr char kConnectionName[] = "destination";

struct PipelineOptions {
  std::string conninfo;          // of the destination; "" = libpq's environment
  bool destination_runs = true;  // false: a dry run against a server that is not there yet
  int streams = 1;               // reader streams, and as many writer streams
};

// Coordinator, writer, verifier and readers in this process, over in-process channels: the same classes and the same
// protocol as separate services. Thread-safe but for StartReaders and JoinReaders.
class Pipeline {
 public:
  // `snapshot` needs streams + 2 connections; nullptr: no source, for commands that only look at the ledger. It must
  // outlive the pipeline.
  Pipeline(const PipelineOptions& options, sqlite::Snapshot* snapshot);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  rpc::MigrationClient& migrations() { return *migrations_; }
  rpc::VerifierClient& verifications() { return *verifications_; }
  // Connection name for requests: "" when the destination does not run.
  const std::string& connection() const { return connection_; }
  void StartReaders();
  // Waits for the readers and returns the first error that was theirs alone to see.
  absl::Status JoinReaders();
  // Leaves a resumable state: no more leases, the present commit groups end, statements are cancelled. Returns when
  // all that was tried; past 5 seconds writers are cut off.
  void Interrupt();
  // Ends the statements, on both sides, of a plan being drawn, which looks at nothing else between two rows.
  void InterruptPlanning();

 private:
  void InterruptSource();
  // The snapshot's connection of this index, whatever copy is asked for.
  reader::OpenSource OpenHeld(int index);
  void MakeServers(const PipelineOptions& options);
  void RunReader(int index);

  sqlite::Snapshot* const snapshot_;
  const std::string connection_;
  std::unique_ptr<verifier::VerifierService> verifier_;
  std::unique_ptr<writer::WriterService> writer_;
  std::unique_ptr<coordinator::Coordinator> coordinator_;
  std::unique_ptr<rpc::Server> worker_server_, coordinator_server_;
  std::shared_ptr<rpc::VerifierClient> verifications_;
  std::shared_ptr<rpc::WriterClient> writer_client_;
  std::unique_ptr<rpc::LeaseClient> leases_;
  std::unique_ptr<rpc::MigrationClient> migrations_;
  std::vector<std::unique_ptr<reader::ReaderStream>> readers_;
  std::vector<std::thread> threads_;
  base::Mutex mutex_;
  absl::Status reader_status_ ABSL_GUARDED_BY(mutex_);
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_PIPELINE_H_
