#ifndef VECFERRY_READER_WORKER_BATCH_BUILDER_H_
#define VECFERRY_READER_WORKER_BATCH_BUILDER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/rows/row_cursor.h"
#include "common/rows/row_encoder.h"
#include "common/rpc/clients.h"
#include "reader-worker/counted_rows.h"

namespace vecferry::reader {

struct BatchLimits {
  std::uint64_t rows_max = 500;
  std::size_t bytes_max = 1 << 20;
};

// Puts encoded rows together into batches of one shard. Not thread-safe. Mapping and `counted` must outlive it.
class BatchBuilder {
 public:
  // `counted`: of the mapping that counts these rows; nullptr when this one does.
  BatchBuilder(const core::Mapping& mapping, std::int64_t row_bytes_max, const BatchLimits& limits,
               const rpc::StreamPosition& begin, CountedRows* counted);

  // Whether the batch is to be taken before `row` is added: it is full, or the row would not fit beside the others. A
  // row larger than a batch travels alone.
  bool IsFullFor(const rows::SourceRow& row) const;
  // Errors: those of reading the counted row.
  absl::Status Add(const rows::SourceRow& row);
  // Of the last row added, else where the stream began.
  const std::optional<std::string>& last_key() const { return batch_.last_key; }
  // The batch so far; the next one begins after it.
  rpc::Batch Take(bool end_of_shard);

 private:
  void AddEncoded(const rows::SourceRow& row, const std::string& key_record);
  void DropToldIssues(std::size_t first, const std::string& key_record);

  const core::Mapping& mapping_;
  const BatchLimits limits_;
  rows::RowEncoder encoder_;
  CountedRows* const counted_;
  rpc::Batch batch_;
  std::size_t bytes_ = 0;  // of tuples and of the raw bytes of issues
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_BATCH_BUILDER_H_
