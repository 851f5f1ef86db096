#ifndef VECFERRY_READER_WORKER_SHARD_CARRIER_H_
#define VECFERRY_READER_WORKER_SHARD_CARRIER_H_

#include <memory>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/core/plan.h"
#include "common/rpc/clients.h"
#include "common/sqlite/database.h"
#include "reader-worker/batch_builder.h"

namespace vecferry::reader {

// Carries one shard over one stream: from the position that the writer tells to the end of the shard. Run once; Stop and
// Cancel from any thread. Everything given must outlive it.
class ShardCarrier {
 public:
  ShardCarrier(sqlite::Database& source, rpc::WriterClient& writer, const core::Plan& plan, const rpc::Lease& lease,
               const BatchBounds& bounds);

  // OK: the whole shard is committed. kCancelled: stopped. Else the writer's code (writer.proto) or the source's.
  absl::Status Run();
  // Sends no further batch; what was sent is committed.
  void Stop();
  // Ends the stream at once.
  void Cancel();
  // The writer committed something: an attempt that fails afterwards is the first of a new series.
  bool progressed() const;

 private:
  absl::Status SendAll(const rpc::StreamPosition& begin);
  absl::Status Send(rpc::Batch batch);
  void TakePositions();
  bool stopped() const;

  sqlite::Database& source_;
  const core::Plan& plan_;
  const core::Shard& shard_;
  const core::Mapping& mapping_;
  const BatchBounds bounds_;
  const std::unique_ptr<rpc::BatchStream> stream_;
  mutable base::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool progressed_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_SHARD_CARRIER_H_
