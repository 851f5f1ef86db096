#ifndef VECFERRY_VERIFIER_SOURCE_ROWS_H_
#define VECFERRY_VERIFIER_SOURCE_ROWS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/core/plan.h"
#include "common/core/value.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::verifier {

// One source row. Borrowed until the next one.
struct SourceRow {
  absl::Span<const core::ValueView> key;     // of SourceKey::expressions
  absl::Span<const core::ValueView> inputs;  // of Mapping::inputs
};

// Calls `take` with every row that the mapping's query reads, by the verifier's own cursor: no ranges, no shards. Takes
// turns at the connection, so that it may move to a copy meanwhile (rows of a table without rowid are read in one
// turn). Errors: those of `take`; kDataLoss for damage, kCancelled when interrupted, naming the table.
absl::Status ForEachSourceRow(sqlite::SnapshotConnection& source, const core::Mapping& mapping,
                              const std::function<absl::Status(const SourceRow&)>& take);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SOURCE_ROWS_H_
