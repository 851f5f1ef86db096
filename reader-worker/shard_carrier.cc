#include "reader-worker/shard_carrier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "reader-worker/shard_rows.h"

namespace vecferry::reader {
namespace {

constexpr absl::Duration kBackoffMin = absl::Milliseconds(50), kBackoffMax = absl::Seconds(5);

// What another stream may mend: a position that moved, a writer that is away or full.
bool MayPass(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status);
}

}  // namespace

ShardCarrier::ShardCarrier(const ReaderOptions& options, sqlite::SnapshotConnection& source, rpc::WriterClient& writer,
                           const core::Plan& plan, const core::Shard& shard, const rpc::Lease& lease,
                           LeaseKeeper& keeper, StopFlag& stop, ReaderMetrics& metrics)
    : options_(options),
      source_(source),
      writer_(writer),
      plan_(plan),
      shard_(shard),
      lease_(lease),
      keeper_(keeper),
      stop_(stop),
      metrics_(metrics),
      batches_to_tell_(lease.spans_max) {}

absl::Status ShardCarrier::Carry() {
  absl::Duration backoff = kBackoffMin;
  absl::Time give_up = absl::Now() + options_.retry_max;
  while (true) {
    bool moved = false;
    const absl::Status status = CarryOnce(moved);
    if (status.ok()) return status;
    if (keeper_.lost()) return absl::AbortedError(absl::StrCat("the lease of shard ", shard_.id, " is lost"));
    if (stop_.IsSet()) return absl::CancelledError("the reader was told to stop");
    if (moved) {
      backoff = kBackoffMin;
      give_up = absl::Now() + options_.retry_max;
    }
    if (!MayPass(status) || absl::Now() >= give_up) return status;
    if (stop_.WaitFor(backoff)) return absl::CancelledError("the reader was told to stop");
    backoff = std::min(2 * backoff, kBackoffMax);
  }
}

std::unique_ptr<rpc::BatchStream> ShardCarrier::OpenStream() {
  // A writer that is away must not fill the trace with attempts to reach it.
  const telemetry::TraceScope scope(streams_to_tell_ > 0 ? telemetry::CurrentTraceparent() : "");
  if (streams_to_tell_ > 0) --streams_to_tell_;
  // A commit group has a batch at least: over all streams the writer tells no more of them than are told here.
  return writer_.OpenShard({lease_.migration_id, lease_.shard, lease_.epoch, lease_.connection, batches_to_tell_});
}

BatchSpan ShardCarrier::StartBatchSpan() {
  if (batches_to_tell_ == 0) return {};
  --batches_to_tell_;
  return BatchSpan::Start();
}

absl::Status ShardCarrier::CarryOnce(bool& moved) {
  const std::unique_ptr<rpc::BatchStream> stream = OpenStream();
  keeper_.Watch(stream.get());
  const absl::StatusOr<rpc::StreamPosition> begin = stream->NextPosition();
  absl::Status source_status;
  bool done = begin.ok() && begin->done;
  if (begin.ok() && !done) {
    PositionReader positions(*stream, options_.bytes_in_flight_max);
    source_status = SendRows(*stream, positions, *begin);
    if (stop_.IsSet()) source_status = absl::OkStatus();  // Stop() interrupts a statement that works long for one row
    if (source_status.ok()) {
      stream->DoneSending();
    } else {
      stream->Cancel();
    }
    positions.Join();
    done = positions.done();
    moved = positions.moved();
  }
  const absl::Status finished = stream->Finish();
  keeper_.Watch(nullptr);
  if (done) return absl::OkStatus();
  RETURN_IF_ERROR(source_status);
  RETURN_IF_ERROR(finished);
  // gRPC tells a server of a message that it cannot parse as it does of the last one. The next stream would end so too.
  return absl::InternalError(absl::StrCat("the writer took the stream of shard ", shard_.id,
                                          " to be at its end before the last row: a message "
                                          "that it cannot read"));
}

absl::Status ShardCarrier::SendRows(rpc::BatchStream& stream, PositionReader& positions,
                                    const rpc::StreamPosition& begin) {
  const BatchLimits limits{static_cast<std::uint64_t>(std::max(lease_.batch_rows_max, 1)), options_.batch_bytes_max};
  ShardRows rows(source_, plan_, shard_, limits, begin);
  while (true) {
    BatchSpan span = StartBatchSpan();
    absl::StatusOr<rpc::Batch> batch = rows.NextBatch(stop_, span.times());
    span.Describe(batch);
    RETURN_IF_ERROR(batch.status());
    const bool last = batch->end_of_shard;
    if (!Send(stream, positions, *std::move(batch)) || last) return absl::OkStatus();
  }
}

bool ShardCarrier::Send(rpc::BatchStream& stream, PositionReader& positions, rpc::Batch batch) {
  const std::size_t bytes = rpc::HeldBytes(batch), issues = batch.issues.size();
  const std::uint64_t rows = batch.rows_read;
  if (!positions.AwaitRoom(batch.sequence, bytes, stop_)) return false;
  base::FaultPoint("reader.before_send");
  if (!stream.Send(std::move(batch)).ok()) return false;
  metrics_.batches.Add();
  metrics_.rows.Add(static_cast<double>(rows));
  metrics_.bytes.Add(static_cast<double>(bytes));
  metrics_.issues.Add(static_cast<double>(issues));
  base::FaultPoint("reader.after_send");
  return true;
}

}  // namespace vecferry::reader
