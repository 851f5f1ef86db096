#ifndef VECFERRY_READER_WORKER_COUNTED_ROWS_H_
#define VECFERRY_READER_WORKER_COUNTED_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/rows/row_cursor.h"
#include "common/rows/row_encoder.h"
#include "common/sqlite/database.h"

namespace vecferry::reader {

// Looks at the row that the counted mapping makes of a source row, for a mapping that carries the row a second time:
// what is rejected there stays behind here, and what is told there is not told again. Not thread-safe. The mapping must
// outlive it.
class CountedRows {
 public:
  CountedRows(const core::Mapping& counted, std::int64_t row_bytes_max)
      : counted_(counted), encoder_(counted, row_bytes_max) {}

  // Comes before the first question. The database must outlive what is asked of it.
  void ReadFrom(sqlite::Database& source) { source_ = &source; }
  // Gives up its statement, if any, until the next ReadFrom.
  void Close() { row_.reset(); }
  // Whether the counted mapping carries the row under `key`; the row to look at is then this one.
  absl::StatusOr<bool> Carries(absl::Span<const core::ValueView> key, const std::string& key_record);
  // Whether the row that Carries() looked at last has an issue of `source_column` there.
  bool Tells(const std::string& source_column, const std::string& key_record);

 private:
  const core::Mapping& counted_;
  rows::RowEncoder encoder_;
  sqlite::Database* source_ = nullptr;
  std::optional<rows::RowCursor> row_;
  bool found_ = false;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_COUNTED_ROWS_H_
