#ifndef VECFERRY_COMMON_ROWS_ROW_ISSUE_H_
#define VECFERRY_COMMON_ROWS_ROW_ISSUE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/rows/row_cursor.h"

namespace vecferry::rows {

// {column: value} of the declared key; "" when rows are known by their rowid alone.
std::string ReportedKey(const core::Mapping& mapping, const SourceRow& row);

// A value of `column` that was carried with a change; the issue keeps its bytes: text and blobs as they were, numbers
// in decimal.
core::RowIssue MakeRepair(const core::Mapping& mapping, const core::Column& column, const SourceRow& row,
                          const std::string& key_record, absl::string_view kind, std::string reason);

// A row that stays behind. The issue keeps its inputs as a record, or, when it is `too_large`, sizes and hash.
// `source_column` "" = no one column's fault.
core::RowIssue MakeRejection(const core::Mapping& mapping, const std::string& source_column, const SourceRow& row,
                             const std::string& key_record, absl::string_view kind, std::string reason);

inline constexpr absl::string_view kTooLarge = "too_large";
inline constexpr absl::string_view kTooLong = "too_long";

}  // namespace vecferry::rows

#endif  // VECFERRY_COMMON_ROWS_ROW_ISSUE_H_
