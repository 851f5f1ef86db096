#include "writer-worker/loader.h"

#include "absl/strings/str_cat.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/pgcopy/tuple.h"

namespace vecferry::writer {
namespace {

absl::Status Vanished(const core::Mapping& mapping, std::int64_t sent, std::int64_t arrived) {
  return absl::InternalError(absl::StrCat("of ", sent, " rows sent to ", mapping.destination_table, " only ", arrived,
                                          " arrived: does a trigger or rule on the table swallow rows?"));
}

}  // namespace

absl::Status Loader::Prepare() {
  if (!merges()) return absl::OkStatus();
  return session_.ExecuteScript(CreateStageSql(schema_, mapping_));
}

absl::Status Loader::Begin() {
  base::FaultPoint("writer.before_copy");
  // Within one transaction a group that is taken apart fills the stage several times.
  if (merges()) RETURN_IF_ERROR(session_.ExecuteScript("DELETE FROM pg_temp.vecferry_stage"));
  RETURN_IF_ERROR(session_.StartCopy(merges() ? CopyStageSql(mapping_) : CopyFreshSql(schema_, mapping_)));
  return session_.PutCopyData(pgcopy::FileHeader());
}

absl::Status Loader::Put(absl::string_view tuples) {
  RETURN_IF_ERROR(session_.PutCopyData(tuples));
  base::FaultPoint("writer.in_copy");
  return absl::OkStatus();
}

absl::StatusOr<LoadOutcome> Loader::End(std::int64_t tuples) {
  RETURN_IF_ERROR(session_.PutCopyData(pgcopy::FileTrailer()));
  ASSIGN_OR_RETURN(const std::int64_t copied, session_.EndCopy());
  if (copied != tuples) return Vanished(mapping_, tuples, copied);
  if (merges()) return Merge(tuples);
  LoadOutcome outcome;
  outcome.inserted = copied;
  return outcome;
}

absl::StatusOr<LoadOutcome> Loader::Merge(std::int64_t tuples) {
  ASSIGN_OR_RETURN(const postgres::Result merged, session_.Execute(MergeSql(schema_, mapping_, on_conflict_)));
  LoadOutcome outcome;
  outcome.inserted = merged.integer(0, 0);
  outcome.updated = merged.integer(0, 1);
  const std::int64_t done = outcome.inserted + outcome.updated;
  if (merged.integer(0, 2) != done && tuples > 1) {
    outcome.ambiguous = true;
    return outcome;
  }
  if (done < tuples) {
    ASSIGN_OR_RETURN(const postgres::Result left, session_.Execute(CompareSql(schema_, mapping_), {tuples}));
    for (int row = 0; row < left.rows(); ++row) {
      if (left.truth(row, 1)) return Vanished(mapping_, tuples, tuples - left.rows());
      outcome.conflicting.emplace_back(left.integer(row, 0) - 1, left.text(row, 2));
    }
    outcome.present = tuples - done - left.rows();
  }
  // Deferred constraints speak now, while the rows can still be told apart.
  RETURN_IF_ERROR(session_.ExecuteScript("SET CONSTRAINTS ALL IMMEDIATE"));
  return outcome;
}

void Loader::Abandon() { session_.AbandonCopy(); }

}  // namespace vecferry::writer
