#ifndef VECFERRY_READER_WORKER_SHARD_CARRIER_H_
#define VECFERRY_READER_WORKER_SHARD_CARRIER_H_

#include <memory>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/rpc/clients.h"
#include "common/sqlite/snapshot_connection.h"
#include "reader-worker/batch_span.h"
#include "reader-worker/lease_keeper.h"
#include "reader-worker/position_reader.h"
#include "reader-worker/reader.h"
#include "reader-worker/reader_metrics.h"
#include "reader-worker/stop_flag.h"

namespace vecferry::reader {

// Carries one leased shard, over as many streams as it takes, and tells of it below the current span, within the
// lease's bounds. Not thread-safe; all that it is given must outlive it.
class ShardCarrier {
 public:
  ShardCarrier(const ReaderOptions& options, sqlite::SnapshotConnection& source, rpc::WriterClient& writer,
               const core::Plan& plan, const core::Shard& shard, const rpc::Lease& lease, LeaseKeeper& keeper,
               StopFlag& stop, ReaderMetrics& metrics);

  // OK: all of the shard is committed. kAborted: the lease is lost. kCancelled: stopped; what was sent is committed.
  // Else why it cannot be carried: the writer stayed away for retry_max, or the source cannot be read.
  absl::Status Carry();

 private:
  // One stream, from the position that the writer tells. Sets `moved` when a commit was told.
  absl::Status CarryOnce(bool& moved);
  // Errors are those of the source; a stream that ends shows at its Finish.
  absl::Status SendRows(rpc::BatchStream& stream, PositionReader& positions, const rpc::StreamPosition& begin);
  std::unique_ptr<rpc::BatchStream> OpenStream();
  BatchSpan StartBatchSpan();
  bool Send(rpc::BatchStream& stream, PositionReader& positions, rpc::Batch batch);

  const ReaderOptions& options_;
  sqlite::SnapshotConnection& source_;
  rpc::WriterClient& writer_;
  const core::Plan& plan_;
  const core::Shard& shard_;
  const rpc::Lease& lease_;
  LeaseKeeper& keeper_;
  StopFlag& stop_;
  ReaderMetrics& metrics_;
  int streams_to_tell_ = rpc::kStreamsToldMax;
  int batches_to_tell_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_SHARD_CARRIER_H_
