#include "reader-worker/shard_rows.h"

#include <utility>

#include "common/base/status_macros.h"

namespace vecferry::reader {
namespace {

std::optional<CountedRows> MakeCountedRows(const core::Plan& plan, const core::Mapping& mapping) {
  if (mapping.counted || mapping.counted_by < 0) return std::nullopt;
  return std::make_optional<CountedRows>(plan.mappings[static_cast<std::size_t>(mapping.counted_by)],
                                         plan.identity.max_row_bytes);
}

}  // namespace

ShardRows::ShardRows(sqlite::SnapshotConnection& source, const core::Plan& plan, const core::Shard& shard,
                     const BatchLimits& limits, const rpc::StreamPosition& begin)
    : source_(source),
      shard_(shard),
      mapping_(plan.mappings[static_cast<std::size_t>(shard.mapping)]),
      counted_(MakeCountedRows(plan, mapping_)),
      builder_(mapping_, plan.identity.max_row_bytes, limits, begin, counted_ ? &*counted_ : nullptr) {}

ShardRows::~ShardRows() {
  const sqlite::SnapshotConnection::Turn turn = source_.Take();
  Close();
}

void ShardRows::Close() {
  next_row_.reset();
  rows_.reset();
  if (counted_) counted_->Close();
}

absl::Status ShardRows::ReadFrom(sqlite::Database& database) {
  if (database_ == &database) return absl::OkStatus();
  Close();
  ASSIGN_OR_RETURN(rows_,
                   rows::RowCursor::Open(database, mapping_,
                                         {.lower = shard_.lower, .upper = shard_.upper, .after = builder_.last_key()}));
  if (counted_) counted_->ReadFrom(database);
  database_ = &database;
  return absl::OkStatus();
}

absl::StatusOr<rpc::Batch> ShardRows::NextBatch(const StopFlag& stop, BatchTimes* times) {
  const sqlite::SnapshotConnection::Turn turn = source_.Take();
  RETURN_IF_ERROR(ReadFrom(*turn));
  absl::Duration* const read = times == nullptr ? nullptr : &times->read;
  absl::Duration* const convert = times == nullptr ? nullptr : &times->convert;
  while (!stop.IsSet()) {
    if (!next_row_) {
      ASSIGN_OR_RETURN(const bool more, Timed(read, [this] { return rows_->Next(); }));
      if (!more) return builder_.Take(/*end_of_shard=*/true);
      next_row_ = rows_->row();
    }
    if (builder_.IsFullFor(*next_row_)) {
      RETURN_IF_ERROR(turn->CheckWhole());
      return builder_.Take(/*end_of_shard=*/false);
    }
    RETURN_IF_ERROR(Timed(convert, [this] { return builder_.Add(*next_row_); }));
    next_row_.reset();
  }
  return absl::CancelledError("the reader was told to stop");
}

}  // namespace vecferry::reader
