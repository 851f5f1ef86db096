#ifndef VECFERRY_COMMON_LOAD_LOAD_SQL_H_
#define VECFERRY_COMMON_LOAD_LOAD_SQL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/plan.h"

namespace vecferry::load {

enum class OnConflict { kSkip, kUpdate, kFail };
// skip, update or fail; kInvalidArgument.
absl::StatusOr<OnConflict> ParseOnConflict(absl::string_view text);

// The SQL texts that load one mapping. The stage is a temporary table of the session: the mapped columns without
// constraints, and `vecferry_stage_row`, which numbers the rows by their places in the group, from 0. Its numbers come
// from the sequence `vecferry_stage_rows`; a merge sets that to each row in turn, so that it still tells the row at
// which the merge failed when all else is rolled back. Parameters $1 and $2 bound the rows: $1 <= row < $2.

// COPY straight into the destination table.
std::string CopyFreshSql(absl::string_view schema, const core::Mapping& mapping);

std::string CreateStageSql(absl::string_view schema, const core::Mapping& mapping);
std::string DropStageSql();
// What comes next into the stage has the place `place`.
std::string NumberStageSql(std::size_t place);
std::string CopyStageSql(const core::Mapping& mapping);
// For pieces of the stage: without statistics any plan looks as good as another.
std::string AnalyzeStageSql(const core::Mapping& mapping);
// Inserts (and with kUpdate updates) from the stage and removes from it what it did.
// One row: inserted, updated, removed from the stage, staged before.
std::string MergeSql(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict, bool partitioned);
// What is left in the stage: a row for each that is not at the destination or has other content there.
// Columns: place, whether it is missing, the differing columns.
std::string CompareSql(absl::string_view schema, const core::Mapping& mapping);

// One row: the last place that a merge of places below $1 came to, and whether more are staged below $1.
std::string FailedPlaceSql();

// Takes the rows from the stage whose places are in the array $1.
std::string TakeFromStageSql();

// A pair of columns of a foreign key, as SQL.
struct KeyColumn {
  std::string child, parent;
  std::string equal;      // the operator: parent equal child
  std::string collation;  // COLLATE ..., which they are compared by; or nothing
};
// The places of staged rows whose foreign key finds no partner in `parent`; and beside each the place of its partner in
// the stage, NULL where there is none. `own`: the key refers to its own table, so that there may be one. A row that
// stays out because its key is at the destination is none of them.
std::string OrphansSql(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict,
                       absl::string_view parent, const std::vector<KeyColumn>& columns, bool own);

}  // namespace vecferry::load

#endif  // VECFERRY_COMMON_LOAD_LOAD_SQL_H_
