#include "common/base/status_macros.h"
#include "reader-worker/reader.h"
#include "reader-worker/shard_cursor.h"

namespace vecferry::reader {

absl::StatusOr<RangeDigest> DigestRange(sqlite::Database& source, const core::Mapping& mapping,
                                        const core::Shard& shard, const std::optional<std::string>& last_key,
                                        bool whole) {
  RangeDigest digest;
  if (!whole && !last_key) return digest;  // nothing was read
  ASSIGN_OR_RETURN(ShardCursor cursor, ShardCursor::Open(source, mapping, shard, std::nullopt,
                                                         whole ? std::nullopt : last_key));
  while (true) {
    ASSIGN_OR_RETURN(const bool there, cursor.Next());
    if (!there) return digest;
    ++digest.count;
    digest.sum += core::HashRow(cursor.row().inputs);
  }
}

}  // namespace vecferry::reader
