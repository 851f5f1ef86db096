#ifndef VECFERRY_READER_WORKER_SHARD_CURSOR_H_
#define VECFERRY_READER_WORKER_SHARD_CURSOR_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/sqlite/database.h"
#include "common/sqlite/schema.h"
#include "reader-worker/row_encoder.h"

namespace vecferry::reader {

// The rows of one shard in key order. Not thread-safe; must not outlive the database.
class ShardCursor {
 public:
  // Rows of the shard after `after` and, when given, up to and including `through`.
  static absl::StatusOr<ShardCursor> Open(sqlite::Database& source, const core::Mapping& mapping,
                                          const core::Shard& shard, const std::optional<std::string>& after,
                                          const std::optional<std::string>& through);

  // True: row() is there. Errors: kDataLoss for a damaged file; kCancelled when interrupted.
  absl::StatusOr<bool> Next();
  // Borrowed until Next.
  SourceRow row() const {
    const absl::Span<const core::ValueView> values(values_);
    return {values.first(keys_), values.subspan(keys_)};
  }

 private:
  ShardCursor(sqlite::Statement statement, std::size_t keys) : statement_(std::move(statement)), keys_(keys) {}

  sqlite::Statement statement_;
  std::size_t keys_;
  std::vector<core::ValueView> values_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_SHARD_CURSOR_H_
