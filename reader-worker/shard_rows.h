#ifndef VECFERRY_READER_WORKER_SHARD_ROWS_H_
#define VECFERRY_READER_WORKER_SHARD_ROWS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/rows/row_cursor.h"
#include "common/rpc/clients.h"
#include "common/sqlite/snapshot_connection.h"
#include "reader-worker/batch_builder.h"
#include "reader-worker/batch_span.h"
#include "reader-worker/counted_rows.h"
#include "reader-worker/stop_flag.h"

namespace vecferry::reader {

// The rows of one shard behind a position, as batches. Has its turn at the source while it reads a batch and not while
// that is sent: a snapshot that moves to a copy waits for no writer of ours. Not thread-safe; all that it is given must
// outlive it.
class ShardRows {
 public:
  ShardRows(sqlite::SnapshotConnection& source, const core::Plan& plan, const core::Shard& shard,
            const BatchLimits& limits, const rpc::StreamPosition& begin);
  ~ShardRows();
  ShardRows(const ShardRows&) = delete;
  ShardRows& operator=(const ShardRows&) = delete;

  // Also without rows, at the shard's end. Errors: kDataLoss for damage, naming the table; kCancelled once `stop` is
  // set. `times`: to measure; may be nullptr.
  absl::StatusOr<rpc::Batch> NextBatch(const StopFlag& stop, BatchTimes* times);

 private:
  absl::Status ReadFrom(sqlite::Database& database);
  void Close();

  sqlite::SnapshotConnection& source_;
  const core::Shard& shard_;
  const core::Mapping& mapping_;
  std::optional<CountedRows> counted_;
  BatchBuilder builder_;
  const sqlite::Database* database_ = nullptr;  // that the cursors are of
  std::optional<rows::RowCursor> rows_;
  std::optional<rows::SourceRow> next_row_;  // the cursor's, which did not fit into the last batch
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_SHARD_ROWS_H_
