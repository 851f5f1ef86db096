#include "reader-worker/batch_builder.h"

#include <utility>

#include "common/core/record.h"

namespace vecferry::reader {

BatchBuilder::BatchBuilder(const core::Mapping& mapping, std::int64_t row_bytes_max, const BatchBounds& bounds,
                           const rpc::StreamPosition& begin)
    : encoder_(mapping, row_bytes_max), bounds_(bounds) {
  Begin(begin.next_sequence, begin.last_key);
}

void BatchBuilder::Begin(std::uint64_t sequence, std::optional<std::string> after) {
  batch_ = {};
  batch_.sequence = sequence;
  batch_.last_key = after;  // a batch without rows leaves the position where it is
  batch_.key_before_first = std::move(after);
}

bool BatchBuilder::MustCloseBefore(const SourceRow& row) const {
  if (batch_.rows_read == 0) return false;
  std::size_t bytes = batch_.tuples.size();
  for (const core::ValueView& value : row.inputs) bytes += value.bytes.size();
  return bytes > bounds_.bytes_max;
}

void BatchBuilder::Add(const SourceRow& row) {
  if (batch_.tuples.capacity() == 0) batch_.tuples.reserve(bounds_.bytes_max + bounds_.bytes_max / 8);
  batch_.last_key = core::EncodeRecord(row.key);
  batch_.source_sum += core::HashRow(row.inputs);
  ++batch_.rows_read;
  const std::size_t before = batch_.tuples.size();
  const EncodedRow encoded = encoder_.Encode(row, *batch_.last_key, batch_.tuples, batch_.issues);
  if (!encoded.carried) {
    ++batch_.rows_rejected;
    return;
  }
  batch_.values_rounded += encoded.values_rounded;
  if (encoded.repaired) ++batch_.rows_repaired;
  batch_.tuple_bytes.push_back(static_cast<std::uint32_t>(batch_.tuples.size() - before));
  batch_.sources.push_back({*batch_.last_key, encoder_.ReportedKey(row), encoded.repaired});
}

rpc::Batch BatchBuilder::Take(bool end_of_shard) {
  rpc::Batch taken = std::move(batch_);
  taken.end_of_shard = end_of_shard;
  Begin(taken.sequence + 1, taken.last_key);
  return taken;
}

}  // namespace vecferry::reader
