#ifndef VECFERRY_READER_WORKER_READER_H_
#define VECFERRY_READER_WORKER_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/core/record.h"
#include "common/core/replay.h"
#include "common/rpc/clients.h"
#include "common/sqlite/database.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::reader {

struct ReaderOptions {
  std::string worker = "reader";          // unique name; stream N appends "-N"
  std::size_t batch_bytes_max = 1 << 20;  // a batch closes at this size or at the lease's batch_rows_max rows
  // Tuples sent and not yet committed, per stream. Nothing of them is kept here; the bound must leave room for several
  // commit groups (16 MiB), or the writer would wait for its group's time instead of its size.
  std::size_t bytes_in_flight_max = 64 << 20;
  absl::Duration retry_max = absl::Seconds(30);  // an unavailable writer is tried again for so long before Fail()
};

// One reader stream: acquires leases until the coordinator says finished, and carries each leased shard: cursor ->
// conversion -> COPY tuples -> batches, from the position that the writer told, never from memory.
// Uses one connection of the snapshot. Runs on the caller's thread; beside it one takes positions and one renews the
// lease. Source and clients must outlive it.
class ReaderStream {
 public:
  virtual ~ReaderStream() = default;
  // Returns OK when the coordinator has no more shards, or once Stop() was called and what was sent is committed.
  // Errors: those of the coordinator. What happens to a shard goes to LeaseClient::Fail, not here.
  virtual absl::Status Run() = 0;
  // From any thread: finish what is sent, give the lease back.
  virtual void Stop() = 0;
};
std::unique_ptr<ReaderStream> MakeReaderStream(const ReaderOptions& options, sqlite::SnapshotConnection& source,
                                               rpc::LeaseClient& leases, rpc::WriterClient& writer);

// Count and sum of the rows of one shard up to `last_key` (all of it when `whole`): what a resume compares with the
// ledger when the source's fingerprint changed.
struct RangeDigest {
  std::int64_t count = 0;
  core::Sum128 sum;
};
absl::StatusOr<RangeDigest> DigestRange(sqlite::Database& source, const core::Mapping& mapping,
                                        const core::Shard& shard, const std::optional<std::string>& last_key,
                                        bool whole);

// Rows of a shard by their destination keys: the fields of `conflict_key` as COPY BINARY writes them, each with its
// length. Calls `on_row` with the key and a rejection of the row that lacks kind and reason; rows that were never
// carried are passed over.
absl::Status ResolveRows(sqlite::Database& source, const core::Mapping& mapping, const core::Shard& shard,
                         std::int64_t row_bytes_max, const std::unordered_set<std::string>& keys,
                         const std::function<absl::Status(const std::string& key, core::RowIssue row)>& on_row);

// What a rejected row becomes in `mapping`. `recorded` is the mapping that rejected it: `mapping` itself, or the one
// that counts the rows of `mapping`. Needs no source.
// Errors: kDataLoss when the kept bytes are no such row; kFailedPrecondition when they lack a value of `mapping`.
absl::StatusOr<core::ReplayRow> EncodeAgain(const core::Mapping& mapping, const core::Mapping& recorded,
                                            std::int64_t row_bytes_max, const core::RawRow& row);

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_READER_H_
