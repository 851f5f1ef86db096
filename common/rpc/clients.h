#ifndef VECFERRY_COMMON_RPC_CLIENTS_H_
#define VECFERRY_COMMON_RPC_CLIENTS_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/core/findings.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/core/replay.h"
#include "common/core/report.h"
#include "common/core/verification.h"

namespace grpc {
class Channel;
}

namespace vecferry::rpc {

// Clients of the services, in the domain's words: no proto passes them. One virtual call an RPC, no retries inside.
// Thread-safe but for BatchStream. Calls have deadlines; errors come back with the service's code.

// ---- towards the writer ----

struct TupleSource {
  std::string key;           // record
  std::string reported_key;  // JSON text; "" = the rowid in `key`
  bool repaired = false;
};

// A batch as the reader built it (docs/wire_format.md).
struct Batch {
  std::uint64_t sequence = 0;
  std::optional<std::string> key_before_first;
  std::optional<std::string> last_key;
  std::string tuples;
  std::vector<std::uint32_t> tuple_bytes;
  std::vector<TupleSource> sources;
  std::vector<core::RowIssue> issues;
  std::uint64_t rows_read = 0, rows_repaired = 0, rows_rejected = 0, values_rounded = 0;
  core::Sum128 source_sum;
  bool end_of_shard = false;
};

// What it takes in memory, nearly: of short rows their sources are most of it.
std::size_t HeldBytes(const Batch& batch);

struct StreamPosition {
  std::uint64_t next_sequence = 0;
  std::optional<std::string> last_key;
  bool done = false;
};

// Sends batches of one shard and receives its positions. Destroying it before Finish() cancels the RPC.
// Send blocks while the writer applies back-pressure. At most one thread in Send and one in NextPosition; two they must
// be, since an in-process writer does not go on until its position has been taken.
// After any error only Finish may be called; it returns the RPC's final status.
class BatchStream {
 public:
  virtual ~BatchStream() = default;
  // Computes the checksum and cuts batches that are larger than a message into frames.
  virtual absl::Status Send(Batch batch) = 0;
  // The first answers the opening, every later one a commit. kOutOfRange: the writer sends no more.
  virtual absl::StatusOr<StreamPosition> NextPosition() = 0;
  virtual void DoneSending() = 0;
  virtual absl::Status Finish() = 0;
  virtual void Cancel() = 0;  // from any thread
};

// Fields as vecferry.v1.OpenShard.
struct ShardToOpen {
  std::string migration_id;
  int shard = 0;
  std::uint64_t lease_epoch = 0;
  std::string connection;
  int spans_max = 0;
};

class WriterClient {
 public:
  virtual ~WriterClient() = default;
  virtual std::unique_ptr<BatchStream> OpenShard(const ShardToOpen& shard) = 0;
};
std::unique_ptr<WriterClient> MakeWriterClient(std::shared_ptr<grpc::Channel> channel);

// ---- a reader towards the coordinator ----

struct Lease {
  std::string migration_id;
  int shard = 0;
  std::uint64_t epoch = 0;
  absl::Duration duration;
  std::string writer, connection;
  int batch_rows_max = 500;
  int plan_revision = 0;    // of the plan to carry it by
  std::string snapshot;     // the source's copy to read; "" = the reader has it open
  std::string traceparent;  // W3C Trace Context of the lease; "" = not traced
  int spans_max = 0;        // batches to tell spans of, and commit groups
};

// Spans that carrying one lease tells at most, at reader and writer together: the shard; a call and its handling for
// each of the streams that are told; a batch with its reading and converting, a COPY and a commit for each of
// spans_max.
inline constexpr int kStreamsToldMax = 3;
inline constexpr int SpansOfLease(int spans_max) { return 1 + 2 * kStreamsToldMax + 5 * spans_max; }

struct Acquired {
  std::optional<Lease> lease;
  absl::Duration retry_after;
  bool finished = false;
};

class LeaseClient {
 public:
  virtual ~LeaseClient() = default;
  virtual absl::StatusOr<Acquired> Acquire(const std::string& worker) = 0;
  virtual absl::Status Renew(const Lease& lease) = 0;
  virtual absl::Status Complete(const Lease& lease) = 0;
  virtual absl::Status Fail(const Lease& lease, const absl::Status& why) = 0;
  virtual absl::StatusOr<core::Plan> GetPlan(const std::string& migration_id) = 0;
};
std::unique_ptr<LeaseClient> MakeLeaseClient(std::shared_ptr<grpc::Channel> channel);

// ---- a worker towards the coordinator ----

enum class WorkerKind { kReader, kWriter, kVerifier };

// Fields as vecferry.v1.BeatRequest.
struct WorkerBeat {
  std::string worker;
  WorkerKind kind = WorkerKind::kReader;
  std::string address;
  int streams_max = 0;
  bool draining = false;
};

struct BeatAnswer {
  absl::Duration interval;
  std::vector<std::string> snapshots;  // copies of sources that are in use
};

class WorkerClient {
 public:
  virtual ~WorkerClient() = default;
  virtual absl::StatusOr<BeatAnswer> Beat(const WorkerBeat& beat) = 0;
};
std::unique_ptr<WorkerClient> MakeWorkerClient(std::shared_ptr<grpc::Channel> channel);

// A piece of a copy, its checksum checked.
struct SourceChunk {
  std::uint64_t offset = 0;
  std::string data;
  std::uint64_t file_bytes = 0;
  core::Sum128 file_xxh3;  // of the whole file
};

class SourceClient {
 public:
  virtual ~SourceClient() = default;
  // Hands out the pieces from `offset` on, in order. Errors: those of `on_chunk`; kDataLoss: checksum, or a gap;
  // kCancelled once `stopping` says so, which is asked while nothing comes.
  virtual absl::Status Fetch(const std::string& snapshot, std::uint64_t offset, const std::function<bool()>& stopping,
                             const std::function<absl::Status(const SourceChunk&)>& on_chunk) = 0;
};
std::unique_ptr<SourceClient> MakeSourceClient(std::shared_ptr<grpc::Channel> channel);

// ---- a caller towards the coordinator ----

// Tuning and identity of one command; fields as vecferry.v1.StartRequest.
struct StartOptions {
  core::Identity identity;
  std::string connection;
  int connections_max = 4, readers = 0, writers = 0, batch_rows_max = 500;
  std::int64_t rejects_max = 1000;
  bool no_indexes = false, no_verify = false;
  std::string verify_level = core::kVerifyFull;
  std::string on_source_change = "reconcile";
  bool to_compare = false;  // Plan alone
};

struct DrawnPlan {
  core::Plan plan;
  std::string resumes_migration_id;  // "" = none
};

struct Started {
  std::string migration_id;
  bool resumed = false;
};

class MigrationClient {
 public:
  virtual ~MigrationClient() = default;
  virtual absl::StatusOr<DrawnPlan> Plan(const StartOptions& options) = 0;
  virtual absl::StatusOr<Started> Start(const StartOptions& options) = 0;
  virtual absl::StatusOr<core::Report> Get(const std::string& id, const std::string& connection) = 0;
  virtual absl::StatusOr<std::vector<core::Report>> List(const std::string& connection) = 0;
  // Calls `on_change` until the migration no longer runs; returns the last report. `on_change` returning false ends it
  // with kCancelled.
  virtual absl::StatusOr<core::Report> Watch(const std::string& id, const std::string& connection,
                                             const std::function<bool(const core::Report&)>& on_change) = 0;
  virtual absl::StatusOr<core::Report> Pause(const std::string& id, const std::string& connection) = 0;
  virtual absl::StatusOr<Started> Resume(const std::string& id, const std::string& connection) = 0;
  virtual absl::StatusOr<core::Report> Cancel(const std::string& id, const std::string& connection, bool drop) = 0;
  virtual absl::StatusOr<core::ReplayOutcome> Replay(const std::string& id, const std::string& connection,
                                                     const core::ReplaySelection& selection) = 0;
  // `sha256`: hexadecimal, of the page written of it.
  virtual absl::Status RecordPage(const std::string& id, const std::string& connection, const std::string& sha256) = 0;
};
std::unique_ptr<MigrationClient> MakeMigrationClient(std::shared_ptr<grpc::Channel> channel);

// ---- the coordinator towards the verifier ----

// Spans that one Verify tells at most, beside the call and its handling.
inline constexpr int kChecksToldMax = 500;

// What to verify; fields as vecferry.v1.VerifyRequest.
struct Verification {
  std::string migration_id, connection;
  std::string snapshot;            // the source's copy to read; "" = the verifier has it open
  std::optional<core::Plan> plan;  // only without a migration
  core::VerifyOptions options;
};

class VerifierClient {
 public:
  virtual ~VerifierClient() = default;
  // Returns when all findings were told; an error of `findings` ends the call with it.
  virtual absl::Status Verify(const Verification& verification, core::Findings& findings) = 0;
};
std::unique_ptr<VerifierClient> MakeVerifierClient(std::shared_ptr<grpc::Channel> channel);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_CLIENTS_H_
