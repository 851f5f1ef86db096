#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rows/row_cursor.h"
#include "common/rows/row_encoder.h"
#include "common/rows/row_issue.h"
#include "common/rows/rows.h"

namespace vecferry::rows {
namespace {

constexpr std::size_t kColumnCountBytes = 2;  // in front of a tuple's fields

// The same rows with the columns of their key alone.
core::Mapping KeyOf(const core::Mapping& mapping) {
  core::Mapping key = mapping;
  key.columns.clear();
  for (const std::string& name : mapping.conflict_key) {
    std::copy_if(mapping.columns.begin(), mapping.columns.end(), std::back_inserter(key.columns),
                 [&](const core::Column& column) { return column.name == name; });
  }
  return key;
}

}  // namespace

absl::Status ResolveRows(sqlite::Database& source, const core::Mapping& mapping, const core::Shard& shard,
                         std::int64_t row_bytes_max, const std::unordered_set<std::string>& keys,
                         const std::function<absl::Status(const std::string& key, core::RowIssue row)>& on_row) {
  const core::Mapping key_mapping = KeyOf(mapping);
  RowEncoder encoder(key_mapping, row_bytes_max);
  ASSIGN_OR_RETURN(RowCursor cursor, RowCursor::Open(source, mapping, {.lower = shard.lower, .upper = shard.upper}));
  std::string tuple;
  std::vector<core::RowIssue> issues;
  for (std::size_t found = 0; found < keys.size();) {
    ASSIGN_OR_RETURN(const bool more, cursor.Next());
    if (!more) break;
    const SourceRow row = cursor.row();
    const std::string key_record = core::EncodeRecord(row.key);
    tuple.clear();
    issues.clear();
    if (!encoder.Encode(row, key_record, tuple, issues).carried) continue;
    const auto wanted = keys.find(tuple.substr(kColumnCountBytes));
    if (wanted == keys.end()) continue;
    ++found;
    RETURN_IF_ERROR(on_row(*wanted, MakeRejection(mapping, "", row, key_record, "", "")));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::rows
