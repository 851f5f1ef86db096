#ifndef VECFERRY_READER_WORKER_COUNTED_ROWS_H_
#define VECFERRY_READER_WORKER_COUNTED_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/sqlite/database.h"
#include "reader-worker/row_cursor.h"
#include "reader-worker/row_encoder.h"

namespace vecferry::reader {

// Looks at the row that the counted mapping makes of a source row, for a mapping that carries the row a second time:
// what is rejected there stays behind here, and what is told there is not told again. Not thread-safe. Database and
// mapping must outlive it.
class CountedRows {
 public:
  CountedRows(sqlite::Database& source, const core::Mapping& counted, std::int64_t row_bytes_max)
      : source_(source), counted_(counted), encoder_(counted, row_bytes_max) {}

  // Whether the counted mapping carries the row under `key`; the row to look at is then this one.
  absl::StatusOr<bool> Carries(absl::Span<const core::ValueView> key, const std::string& key_record);
  // Whether the row that Carries() looked at last has an issue of `source_column` there.
  bool Tells(const std::string& source_column, const std::string& key_record);

 private:
  sqlite::Database& source_;
  const core::Mapping& counted_;
  RowEncoder encoder_;
  std::optional<RowCursor> row_;
  bool found_ = false;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_COUNTED_ROWS_H_
