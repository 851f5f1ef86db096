#ifndef VECFERRY_VERIFIER_EXPECTED_ROWS_H_
#define VECFERRY_VERIFIER_EXPECTED_ROWS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/sqlite/snapshot_connection.h"
#include "verifier/compared_table.h"
#include "verifier/row_rules.h"
#include "verifier/source_rows.h"

namespace vecferry::verifier {

// One source row with what the rules make of it in one mapping.
struct RuledRow {
  const core::Mapping& mapping;
  const SourceRow& source;  // its inputs are those of `mapping`
  const Ruling& ruling;     // repairs that are told where the row is counted left out
  bool told_elsewhere;      // rejected where it is counted
  const RowImage& row;      // as the table's compared columns; carried rows only
};

// Whether a source row is looked at.
using RowFilter = std::function<bool(const core::Mapping& mapping, const SourceRow& row)>;

// Calls `take` with every source row that fills a destination table, mapping by mapping, but for those that `filter`
// (nullptr = none) leaves out. Errors as ForEachSourceRow.
absl::Status ForEachRuledRow(sqlite::SnapshotConnection& source, const core::Plan& plan, const ComparedTable& table,
                             const std::function<absl::Status(const RuledRow&)>& take,
                             const RowFilter& filter = nullptr);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_EXPECTED_ROWS_H_
