#include "writer-worker/received_batch.h"

#include <xxhash.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::writer {
namespace {

// A row may have 1 GiB - 1 MiB at most, and a message 2 GiB.
constexpr std::size_t kPartsBytesMax = (std::size_t{1} << 31) - (1 << 20);

absl::Status CheckNumbers(const v1::Batch& message) {
  std::uint64_t sum = 0;
  for (const std::uint32_t bytes : message.tuple_bytes()) sum += bytes;
  const int carried = message.tuple_bytes_size();
  const v1::ReadCounters& counters = message.counters();
  if (sum != message.tuples().size()) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", message.sequence(), ": tuple_bytes add up to ", sum,
                                                   ", tuples have ", message.tuples().size(), " bytes"));
  }
  if (message.sources_size() != carried) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", message.sequence(), ": ", carried, " tuples, but ",
                                                   message.sources_size(), " source keys"));
  }
  if (counters.rows_read() != static_cast<std::uint64_t>(carried) + counters.rows_rejected()) {
    return absl::InvalidArgumentError(absl::StrCat("batch ", message.sequence(), ": ", counters.rows_read(),
                                                   " rows read, but ", carried, " carried and ",
                                                   counters.rows_rejected(), " rejected"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<rpc::Batch> TakeBatch(v1::Batch&& message) {
  const std::uint64_t checksum = XXH3_64bits(message.tuples().data(), message.tuples().size());
  if (checksum != message.tuples_xxh3()) {
    return absl::DataLossError(absl::StrCat("batch ", message.sequence(), ": the tuples' checksum is ",
                                            absl::Hex(checksum, absl::kZeroPad16), ", the reader's ",
                                            absl::Hex(message.tuples_xxh3(), absl::kZeroPad16)));
  }
  RETURN_IF_ERROR(CheckNumbers(message));
  rpc::Batch batch;
  batch.sequence = message.sequence();
  if (message.has_key_before_first()) batch.key_before_first = std::move(*message.mutable_key_before_first());
  if (message.has_last_key()) batch.last_key = std::move(*message.mutable_last_key());
  batch.tuples = std::move(*message.mutable_tuples());
  batch.tuple_bytes.assign(message.tuple_bytes().begin(), message.tuple_bytes().end());
  batch.sources.reserve(message.sources_size());
  for (v1::TupleSource& source : *message.mutable_sources()) {
    batch.sources.push_back(
        {std::move(*source.mutable_key()), std::move(*source.mutable_reported_key()), source.repaired()});
  }
  for (const v1::RowIssue& issue : message.issues()) {
    ASSIGN_OR_RETURN(core::RowIssue taken, rpc::FromProto(issue));
    batch.issues.push_back(std::move(taken));
  }
  batch.rows_read = message.counters().rows_read();
  batch.rows_repaired = message.counters().rows_repaired();
  batch.rows_rejected = message.counters().rows_rejected();
  batch.values_rounded = message.counters().values_rounded();
  ASSIGN_OR_RETURN(batch.source_sum, core::Sum128::FromBytes(message.source_sum()));
  batch.end_of_shard = message.end_of_shard();
  return batch;
}

absl::StatusOr<std::optional<rpc::Batch>> FrameAssembler::Take(v1::BatchFrame&& frame) {
  if (frame.has_batch()) {
    if (!parts_.empty()) return absl::InvalidArgumentError("a whole batch came among the parts of another");
    return TakeBatch(std::move(*frame.mutable_batch()));
  }
  if (parts_.size() + frame.part().size() > kPartsBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("a batch of more than ", kPartsBytesMax, " bytes"));
  }
  parts_ += frame.part();
  if (!frame.last()) return std::nullopt;
  v1::Batch message;
  const bool parsed = message.ParseFromString(parts_);
  std::string().swap(parts_);  // a large row must not stay in memory twice
  if (!parsed) return absl::DataLossError("the parts of a batch do not make a batch");
  return TakeBatch(std::move(message));
}

}  // namespace vecferry::writer
