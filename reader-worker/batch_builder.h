#ifndef VECFERRY_READER_WORKER_BATCH_BUILDER_H_
#define VECFERRY_READER_WORKER_BATCH_BUILDER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/core/plan.h"
#include "common/rpc/clients.h"
#include "reader-worker/row_encoder.h"

namespace vecferry::reader {

struct BatchBounds {
  std::size_t bytes_max = 1 << 20;
  int rows_max = 500;
};

// Collects rows of one shard into batches (protocol section 3). Not thread-safe.
class BatchBuilder {
 public:
  BatchBuilder(const core::Mapping& mapping, std::int64_t row_bytes_max, const BatchBounds& bounds,
               const rpc::StreamPosition& begin);

  // Whether the row must wait for the next batch: one that is larger than a batch travels alone.
  bool MustCloseBefore(const SourceRow& row) const;
  void Add(const SourceRow& row);
  bool full() const { return batch_.tuples.size() >= bounds_.bytes_max || rows_read() >= bounds_.rows_max; }
  // The batch, which may hold no tuple at all; the next one begins after its last key.
  rpc::Batch Take(bool end_of_shard);

 private:
  int rows_read() const { return static_cast<int>(batch_.rows_read); }
  void Begin(std::uint64_t sequence, std::optional<std::string> after);

  RowEncoder encoder_;
  const BatchBounds bounds_;
  rpc::Batch batch_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_BATCH_BUILDER_H_
