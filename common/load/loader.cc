#include "common/load/loader.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/pgcopy/tuple.h"

namespace vecferry::load {
namespace {

absl::Status Vanished(const core::Mapping& mapping, std::int64_t sent, std::int64_t arrived) {
  return absl::InternalError(absl::StrCat("of ", sent, " rows sent to ", mapping.destination_table, " only ", arrived,
                                          " arrived: does a trigger or rule on the table swallow rows?"));
}

}  // namespace

absl::Status Loader::Prepare() {
  if (!merges()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const postgres::Result table,
                   session_.Execute("SELECT relkind = 'p' FROM pg_catalog.pg_class WHERE oid = $1::regclass",
                                    {core::QualifiedName(schema_, mapping_.destination_table)}));
  partitioned_ = table.truth(0, 0);
  return session_.ExecuteScript(CreateStageSql(schema_, mapping_));
}

absl::Status Loader::Close() { return merges() ? session_.ExecuteScript(DropStageSql()) : absl::OkStatus(); }

absl::Status Loader::Begin(std::size_t place) {
  base::FaultPoint("writer.before_copy");
  if (merges()) RETURN_IF_ERROR(session_.ExecuteScript(NumberStageSql(place)));
  RETURN_IF_ERROR(session_.StartCopy(merges() ? CopyStageSql(mapping_) : CopyFreshSql(schema_, mapping_)));
  return session_.PutCopyData(pgcopy::FileHeader());
}

absl::Status Loader::Put(absl::string_view tuples) {
  RETURN_IF_ERROR(session_.PutCopyData(tuples));
  base::FaultPoint("writer.in_copy");
  return absl::OkStatus();
}

absl::StatusOr<LoadOutcome> Loader::EndCopy(std::int64_t tuples) {
  RETURN_IF_ERROR(session_.PutCopyData(pgcopy::FileTrailer()));
  ASSIGN_OR_RETURN(const std::int64_t copied, session_.EndCopy());
  if (copied != tuples) return Vanished(mapping_, tuples, copied);
  LoadOutcome outcome;
  if (!merges()) outcome.inserted = copied;
  return outcome;
}

// The rows of a COPY that was rolled back would be passed by every later scan: TRUNCATE, not DELETE.
absl::Status Loader::EmptyStage() { return session_.ExecuteScript("TRUNCATE pg_temp.vecferry_stage"); }

absl::Status Loader::StartMerging() { return session_.ExecuteScript(AnalyzeStageSql(mapping_)); }

absl::StatusOr<std::optional<std::size_t>> Loader::FailedPlace(std::size_t end) {
  ASSIGN_OR_RETURN(const postgres::Result read, session_.Execute(FailedPlaceSql(), {static_cast<std::int64_t>(end)}));
  if (!read.truth(0, 1)) return std::nullopt;
  return static_cast<std::size_t>(read.integer(0, 0));
}

absl::StatusOr<std::vector<std::size_t>> Loader::FindOrphansOf(const postgres::SqlError& refusal, std::size_t begin,
                                                               std::size_t end) {
  if (refusal.sqlstate != "23503") return std::vector<std::size_t>();
  if (std::find(refusing_keys_.begin(), refusing_keys_.end(), refusal.constraint) == refusing_keys_.end()) {
    refusing_keys_.push_back(refusal.constraint);
  }
  return FindOrphans(session_, schema_, mapping_, on_conflict_, {refusal.constraint}, begin, end);
}

absl::StatusOr<std::vector<std::size_t>> Loader::FindExpectedOrphans(std::size_t begin, std::size_t end) {
  return FindOrphans(session_, schema_, mapping_, on_conflict_, refusing_keys_, begin, end);
}

bool Loader::Waits(const absl::Status& refusal) const {
  const std::optional<postgres::SqlError> error = postgres::GetSqlError(refusal);
  const std::vector<std::string>& keys = mapping_.waiting_keys;
  return error && error->sqlstate == "23503" && std::find(keys.begin(), keys.end(), error->constraint) != keys.end();
}

absl::StatusOr<std::vector<std::size_t>> Loader::TakeWaiting(std::size_t begin, std::size_t end) {
  ASSIGN_OR_RETURN(std::vector<std::size_t> places,
                   FindOrphans(session_, schema_, mapping_, on_conflict_, mapping_.waiting_keys, begin, end));
  if (!places.empty()) {
    const std::string array = absl::StrCat("{", absl::StrJoin(places, ","), "}");
    RETURN_IF_ERROR(session_.Execute(TakeFromStageSql(), {array}).status());
  }
  return places;
}

absl::StatusOr<LoadOutcome> Loader::Merge(std::size_t begin, std::size_t end) {
  const std::vector<postgres::Param> range = {static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end)};
  ASSIGN_OR_RETURN(const postgres::Result merged,
                   session_.Execute(MergeSql(schema_, mapping_, on_conflict_, partitioned_), range));
  LoadOutcome outcome;
  outcome.inserted = merged.integer(0, 0);
  outcome.updated = merged.integer(0, 1);
  const std::int64_t done = outcome.inserted + outcome.updated;
  const std::int64_t staged = merged.integer(0, 3);
  if (merged.integer(0, 2) != done && staged > 1) {
    outcome.ambiguous = true;
    return outcome;
  }
  if (done < staged) {
    ASSIGN_OR_RETURN(const postgres::Result left, session_.Execute(CompareSql(schema_, mapping_), range));
    for (int row = 0; row < left.rows(); ++row) {
      if (left.truth(row, 1)) return Vanished(mapping_, staged, staged - left.rows());
      outcome.conflicting.emplace_back(left.integer(row, 0), left.text(row, 2));
    }
    outcome.present = staged - done - left.rows();
  }
  // Deferred constraints speak now, while the rows can still be told apart.
  RETURN_IF_ERROR(session_.ExecuteScript("SET CONSTRAINTS ALL IMMEDIATE"));
  return outcome;
}

}  // namespace vecferry::load
