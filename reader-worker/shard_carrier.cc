#include "reader-worker/shard_carrier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "reader-worker/row_cursor.h"

namespace vecferry::reader {
namespace {

constexpr absl::Duration kBackoffMin = absl::Milliseconds(50), kBackoffMax = absl::Seconds(5);

// What another stream may mend: a position that moved, a writer that is away or full.
bool MayPass(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsDeadlineExceeded(status);
}

}  // namespace

ShardCarrier::ShardCarrier(const ReaderOptions& options, sqlite::Database& source, rpc::WriterClient& writer,
                           const core::Plan& plan, const core::Shard& shard, const rpc::Lease& lease,
                           LeaseKeeper& keeper, StopFlag& stop)
    : options_(options),
      source_(source),
      writer_(writer),
      plan_(plan),
      shard_(shard),
      mapping_(plan.mappings[static_cast<std::size_t>(shard.mapping)]),
      lease_(lease),
      keeper_(keeper),
      stop_(stop) {}

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

absl::Status ShardCarrier::CarryOnce(bool& moved) {
  const std::unique_ptr<rpc::BatchStream> stream =
      writer_.OpenShard(lease_.migration_id, lease_.shard, lease_.epoch, lease_.connection);
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
  return absl::UnavailableError(
      absl::StrCat("the writer ended the stream of shard ", shard_.id, " before its last row"));
}

absl::Status ShardCarrier::SendRows(rpc::BatchStream& stream, PositionReader& positions,
                                    const rpc::StreamPosition& begin) {
  ASSIGN_OR_RETURN(
      RowCursor rows,
      RowCursor::Open(source_, mapping_, {.lower = shard_.lower, .upper = shard_.upper, .after = begin.last_key}));
  const std::int64_t row_bytes_max = plan_.identity.max_row_bytes;
  std::unique_ptr<CountedRows> counted;
  if (!mapping_.counted && mapping_.counted_by >= 0) {
    const core::Mapping& counting = plan_.mappings[static_cast<std::size_t>(mapping_.counted_by)];
    counted = std::make_unique<CountedRows>(source_, counting, row_bytes_max);
  }
  const BatchLimits limits{static_cast<std::uint64_t>(std::max(lease_.batch_rows_max, 1)), options_.batch_bytes_max};
  BatchBuilder builder(mapping_, row_bytes_max, limits, begin, counted.get());
  while (!stop_.IsSet()) {
    ASSIGN_OR_RETURN(const bool more, rows.Next());
    if (!more) {
      Send(stream, positions, builder.Take(/*end_of_shard=*/true));
      return absl::OkStatus();
    }
    const SourceRow row = rows.row();
    if (builder.IsFullFor(row) && !Send(stream, positions, builder.Take(/*end_of_shard=*/false))) {
      return absl::OkStatus();
    }
    RETURN_IF_ERROR(builder.Add(row));
  }
  return absl::OkStatus();
}

bool ShardCarrier::Send(rpc::BatchStream& stream, PositionReader& positions, rpc::Batch batch) {
  if (!positions.AwaitRoom(batch.sequence, batch.tuples.size(), stop_)) return false;
  base::FaultPoint("reader.before_send");
  if (!stream.Send(std::move(batch)).ok()) return false;
  base::FaultPoint("reader.after_send");
  return true;
}

}  // namespace vecferry::reader
