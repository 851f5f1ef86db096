#include "reader-worker/shard_carrier.h"

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "reader-worker/shard_cursor.h"

namespace vecferry::reader {

ShardCarrier::ShardCarrier(sqlite::Database& source, rpc::WriterClient& writer, const core::Plan& plan,
                           const rpc::Lease& lease, const BatchBounds& bounds)
    : source_(source),
      plan_(plan),
      shard_(plan.shards[lease.shard]),
      mapping_(plan.mappings[shard_.mapping]),
      bounds_(bounds),
      stream_(writer.OpenShard(lease.migration_id, lease.shard, lease.epoch, lease.connection)) {}

absl::Status ShardCarrier::Run() {
  const absl::StatusOr<rpc::StreamPosition> begin = stream_->NextPosition();
  if (!begin.ok()) {
    const absl::Status why = stream_->Finish();
    return why.ok() ? begin.status() : why;
  }
  if (begin->done) {
    stream_->DoneSending();
    return stream_->Finish();
  }
  std::thread positions([this] { TakePositions(); });
  const absl::Status sent = SendAll(*begin);
  if (sent.ok() || absl::IsCancelled(sent)) {
    stream_->DoneSending();
  } else if (!absl::IsUnavailable(sent)) {
    stream_->Cancel();  // the source cannot be read: nothing more is to come
  }
  positions.join();
  const absl::Status ended = stream_->Finish();
  // A send fails because the stream ended; why, the stream says.
  if (absl::IsUnavailable(sent) && !ended.ok()) return ended;
  RETURN_IF_ERROR(sent);
  RETURN_IF_ERROR(ended);
  base::MutexLock lock(&mutex_);
  return done_ ? absl::OkStatus() : absl::UnavailableError("the writer ended the stream before the shard");
}

absl::Status ShardCarrier::SendAll(const rpc::StreamPosition& begin) {
  ASSIGN_OR_RETURN(ShardCursor cursor, ShardCursor::Open(source_, mapping_, shard_, begin.last_key, std::nullopt));
  BatchBuilder builder(mapping_, plan_.identity.max_row_bytes, bounds_, begin);
  while (true) {
    absl::StatusOr<bool> there = cursor.Next();
    // Stopping interrupts a statement that works long before its first row.
    if (stopped()) return absl::CancelledError("stopped");
    RETURN_IF_ERROR(there.status());
    if (!*there) return Send(builder.Take(/*end_of_shard=*/true));
    if (builder.MustCloseBefore(cursor.row())) RETURN_IF_ERROR(Send(builder.Take(/*end_of_shard=*/false)));
    builder.Add(cursor.row());
    if (builder.full()) RETURN_IF_ERROR(Send(builder.Take(/*end_of_shard=*/false)));
  }
}

absl::Status ShardCarrier::Send(rpc::Batch batch) {
  base::FaultPoint("reader.before_send");
  RETURN_IF_ERROR(stream_->Send(std::move(batch)));
  base::FaultPoint("reader.after_send");
  return absl::OkStatus();
}

void ShardCarrier::TakePositions() {
  while (true) {
    const absl::StatusOr<rpc::StreamPosition> position = stream_->NextPosition();
    if (!position.ok()) return;  // the stream's end: Finish tells why
    base::MutexLock lock(&mutex_);
    progressed_ = true;
    done_ = position->done;
  }
}

void ShardCarrier::Stop() {
  base::MutexLock lock(&mutex_);
  stopped_ = true;
}

void ShardCarrier::Cancel() { stream_->Cancel(); }

bool ShardCarrier::stopped() const {
  base::MutexLock lock(&mutex_);
  return stopped_;
}

bool ShardCarrier::progressed() const {
  base::MutexLock lock(&mutex_);
  return progressed_;
}

}  // namespace vecferry::reader
