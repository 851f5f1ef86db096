#ifndef VECFERRY_READER_WORKER_READER_H_
#define VECFERRY_READER_WORKER_READER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/clients.h"
#include "common/sqlite/snapshot_connection.h"
#include "common/telemetry/metrics.h"

namespace vecferry::reader {

// When a stream ends by itself: in one command with its migration, in a service never.
enum class Stay { kUntilFinished, kUntilStopped };

struct ReaderOptions {
  std::string worker = "reader";  // as in WorkerBeat
  Stay stay = Stay::kUntilFinished;
  std::size_t batch_bytes_max = 1 << 20;  // a batch closes at this size or at the lease's batch_rows_max rows
  // Tuples sent and not yet committed, per stream. Nothing of them is kept here; the bound must leave room for several
  // commit groups (16 MiB), or the writer would wait for its group's time instead of its size.
  std::size_t bytes_in_flight_max = 64 << 20;
  absl::Duration retry_max = absl::Seconds(30);  // an unavailable writer is tried again for so long before Fail()
  // A stream without leases keeps its source open for so long: a shard of the same may follow.
  absl::Duration source_kept = absl::Seconds(10);
  std::shared_ptr<prometheus::Registry> registry = telemetry::MakeRegistry();  // takes the stream's metrics
};

// A connection to the copy of a source that a lease names ("" = the one that this process has open), for the stream
// alone that asks. May take long, for a copy that must be fetched first; asks `stopping` now and then.
using OpenSource = std::function<absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>>(
    const std::string& snapshot, const std::function<bool()>& stopping)>;
// The writer at the address that a lease names ("" = the one that this process knows).
using FindWriter = std::function<absl::StatusOr<std::shared_ptr<rpc::WriterClient>>(const std::string& address)>;

// One reader stream: acquires leases and carries each leased shard: cursor -> conversion -> COPY tuples -> batches,
// from the position that the writer told, never from memory. Runs on the caller's thread; beside it one takes positions
// and one renews the lease. What it is made with must outlive it.
class ReaderStream {
 public:
  virtual ~ReaderStream() = default;
  // Returns OK when the coordinator has no more shards (Stay::kUntilFinished), or once Stop() was called and what was
  // sent is committed. Errors: those of the coordinator (not with Stay::kUntilStopped, which asks on for ever). What
  // happens to a shard goes to LeaseClient::Fail, not here.
  virtual absl::Status Run() = 0;
  // From any thread: finish what is sent, give the lease back.
  virtual void Stop() = 0;
};
std::unique_ptr<ReaderStream> MakeReaderStream(const ReaderOptions& options, OpenSource open_source,
                                               rpc::LeaseClient& leases, FindWriter find_writer);

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_READER_H_
