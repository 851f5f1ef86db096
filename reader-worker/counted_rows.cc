#include "reader-worker/counted_rows.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace vecferry::reader {

absl::StatusOr<bool> CountedRows::Carries(absl::Span<const core::ValueView> key, const std::string& key_record) {
  if (row_) {
    row_->SeekTo(key);
  } else {
    ASSIGN_OR_RETURN(rows::RowCursor cursor,
                     rows::RowCursor::Open(*source_, counted_, {.lower = key_record, .through = key_record}));
    row_ = std::move(cursor);
  }
  ASSIGN_OR_RETURN(found_, row_->Next());
  // A row that the counted mapping does not read is not rejected there.
  return !found_ || !encoder_.Rejects(row_->row(), key_record);
}

bool CountedRows::Tells(const std::string& source_column, const std::string& key_record) {
  if (!found_) return false;
  std::string tuple;
  std::vector<core::RowIssue> issues;
  encoder_.Encode(row_->row(), key_record, tuple, issues);
  return std::any_of(issues.begin(), issues.end(),
                     [&](const core::RowIssue& issue) { return issue.column == source_column; });
}

}  // namespace vecferry::reader
