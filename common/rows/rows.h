#ifndef VECFERRY_COMMON_ROWS_ROWS_H_
#define VECFERRY_COMMON_ROWS_ROWS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>

#include "absl/status/statusor.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/core/record.h"
#include "common/core/replay.h"
#include "common/sqlite/database.h"

namespace vecferry::rows {

// What readers carry, looked at again: for whoever drives a migration.

// Count and sum of the rows of one shard up to `last_key` (all of it when `whole`): what a resume compares with the
// ledger when the source's fingerprint changed.
struct RangeDigest {
  std::int64_t count = 0;
  core::Sum128 sum;
};
absl::StatusOr<RangeDigest> DigestRange(sqlite::Database& source, const core::Mapping& mapping,
                                        const core::Shard& shard, const std::optional<std::string>& last_key,
                                        bool whole);

// Rows of a shard by their destination keys: the fields of `conflict_key` as COPY BINARY writes them, each with its
// length. Calls `on_row` with the key and a rejection of the row that lacks kind and reason; rows that were never
// carried are passed over.
absl::Status ResolveRows(sqlite::Database& source, const core::Mapping& mapping, const core::Shard& shard,
                         std::int64_t row_bytes_max, const std::unordered_set<std::string>& keys,
                         const std::function<absl::Status(const std::string& key, core::RowIssue row)>& on_row);

// What a rejected row becomes in `mapping`. `recorded` is the mapping that rejected it: `mapping` itself, or the one
// that counts the rows of `mapping`. Needs no source.
// Errors: kDataLoss when the kept bytes are no such row; kFailedPrecondition when they lack a value of `mapping`.
absl::StatusOr<core::ReplayRow> EncodeAgain(const core::Mapping& mapping, const core::Mapping& recorded,
                                            std::int64_t row_bytes_max, const core::RawRow& row);

}  // namespace vecferry::rows

#endif  // VECFERRY_COMMON_ROWS_ROWS_H_
