#ifndef VECFERRY_COMMON_ROWS_ROW_CURSOR_H_
#define VECFERRY_COMMON_ROWS_ROW_CURSOR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/core/plan.h"
#include "common/core/record.h"
#include "common/core/value.h"
#include "common/sqlite/database.h"

namespace vecferry::rows {

// One row as a cursor stands on it. Borrowed until the cursor moves.
struct SourceRow {
  absl::Span<const core::ValueView> key;     // values of SourceKey::expressions
  absl::Span<const core::ValueView> inputs;  // values of Mapping::inputs
  core::Sum128 hash;                         // of the inputs
  std::int64_t bytes = 0;                    // of the inputs
};

// A row of these values, with its hash and size.
SourceRow MakeSourceRow(absl::Span<const core::ValueView> key, absl::Span<const core::ValueView> inputs);

// The keys that a cursor walks: lower <= key < upper, key > after, key <= through; records, nullopt = open.
struct KeyRange {
  std::optional<std::string> lower, upper, after, through;
};

// Walks rows of one mapping in key order. Not thread-safe; the database must outlive it.
class RowCursor {
 public:
  static absl::StatusOr<RowCursor> Open(sqlite::Database& source, const core::Mapping& mapping, const KeyRange& range);

  // False: no row is left. Errors: kDataLoss for damage, naming the table.
  absl::StatusOr<bool> Next();
  SourceRow row() const;
  // Moves to the one row under `key`, whatever the range was but for its shape: lower and through.
  void SeekTo(absl::Span<const core::ValueView> key);

 private:
  RowCursor(sqlite::Statement rows, std::string table, std::size_t key_columns)
      : rows_(std::move(rows)),
        table_(std::move(table)),
        key_columns_(key_columns),
        values_(static_cast<std::size_t>(rows_.columns())) {}

  sqlite::Statement rows_;
  std::string table_;
  std::size_t key_columns_;
  std::vector<core::ValueView> values_;  // key, then inputs
};

}  // namespace vecferry::rows

#endif  // VECFERRY_COMMON_ROWS_ROW_CURSOR_H_
