#ifndef VECFERRY_WRITER_WORKER_LOAD_SQL_H_
#define VECFERRY_WRITER_WORKER_LOAD_SQL_H_

#include <string>

#include "absl/strings/string_view.h"
#include "common/core/plan.h"

namespace vecferry::writer {

enum class OnConflict { kSkip, kUpdate, kFail };

// The SQL texts that load one mapping. The stage is a temporary table of the session: the mapped columns without
// constraints, and `vecferry_stage_row`, which numbers the rows in the order of the COPY.

// COPY straight into the destination table.
std::string CopyFreshSql(absl::string_view schema, const core::Mapping& mapping);

std::string CreateStageSql(absl::string_view schema, const core::Mapping& mapping);
std::string CopyStageSql(const core::Mapping& mapping);
// Inserts (and with kUpdate updates) from the stage and removes from it what it did.
// One row: inserted, updated, removed from the stage.
std::string MergeSql(absl::string_view schema, const core::Mapping& mapping, OnConflict on_conflict);
// What is left in the stage: a row for each that is not at the destination or has other content there.
// Columns: place in the COPY from 1, whether it is missing, the differing columns.
std::string CompareSql(absl::string_view schema, const core::Mapping& mapping);

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_LOAD_SQL_H_
