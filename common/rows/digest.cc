#include "common/base/status_macros.h"
#include "common/rows/row_cursor.h"
#include "common/rows/rows.h"

namespace vecferry::rows {

absl::StatusOr<RangeDigest> DigestRange(sqlite::Database& source, const core::Mapping& mapping,
                                        const core::Shard& shard, const std::optional<std::string>& last_key,
                                        bool whole) {
  RangeDigest digest;
  if (!whole && !last_key) return digest;
  KeyRange range{.lower = shard.lower, .upper = shard.upper};
  if (!whole) range.through = last_key;
  ASSIGN_OR_RETURN(RowCursor cursor, RowCursor::Open(source, mapping, range));
  while (true) {
    ASSIGN_OR_RETURN(const bool more, cursor.Next());
    if (!more) return digest;
    ++digest.count;
    digest.sum += cursor.row().hash;
  }
}

}  // namespace vecferry::rows
