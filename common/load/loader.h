#ifndef VECFERRY_COMMON_LOAD_LOADER_H_
#define VECFERRY_COMMON_LOAD_LOADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/load/load_sql.h"
#include "common/load/orphan_lookup.h"
#include "common/postgres/connection.h"

namespace vecferry::load {

// What became of the tuples of one load.
struct LoadOutcome {
  std::int64_t inserted = 0, present = 0, updated = 0;
  std::vector<std::pair<std::size_t, std::string>> conflicting;  // place in the group from 0, differing columns
  // Two tuples have one key: roll back, and tell them apart by loading fewer at once.
  bool ambiguous = false;
};

// Puts tuples into one destination table within the caller's transaction: COPY straight in (fresh), or by way of a
// stage (merge). Not thread-safe. Session, schema and mapping must outlive it.
// Usage: Begin(), Put() for each cut, EndCopy(); when it merges, then Merge(). After an error the transaction, or the
// savepoint before, must be rolled back. A group that is taken apart may be
// copied and merged in pieces: EmptyStage(), a COPY for each piece, StartMerging(), Merge() for each piece.
class Loader {
 public:
  Loader(postgres::Connection& session, const std::string& schema, const core::Mapping& mapping, OnConflict on_conflict)
      : session_(session), schema_(schema), mapping_(mapping), on_conflict_(on_conflict) {}

  // Before the first load. A session has one stage at a time.
  absl::Status Prepare();
  // Drops the stage, so that the session may go on with another table.
  absl::Status Close();

  // `place`: in the group, of the first tuple that will be put.
  absl::Status Begin(std::size_t place = 0);
  absl::Status Put(absl::string_view tuples);
  // Into the table (fresh), or into the stage (merge), where nothing has become of the tuples yet. `tuples`: how many
  // were put. Errors, as those of Merge: kInternal when rows vanished, as with a trigger that swallows them; what
  // Postgres refused.
  absl::StatusOr<LoadOutcome> EndCopy(std::int64_t tuples);

  bool merges() const { return mapping_.mode == core::LoadMode::kMerge; }
  absl::Status EmptyStage();
  absl::Status StartMerging();
  // What is staged of places [begin, end).
  absl::StatusOr<LoadOutcome> Merge(std::size_t begin, std::size_t end);
  // The place at which the last Merge(), up to place `end`, failed, after it was rolled back; nullopt where it was the
  // last one, at which something may also have spoken when all rows were in.
  absl::StatusOr<std::optional<std::size_t>> FailedPlace(std::size_t end);
  // As FindOrphans of orphan_lookup.h, by the foreign key that refused a Merge(); none when it was something else.
  absl::StatusOr<std::vector<std::size_t>> FindOrphansOf(const postgres::SqlError& refusal, std::size_t begin,
                                                         std::size_t end);
  // By all foreign keys that were asked about until now.
  absl::StatusOr<std::vector<std::size_t>> FindExpectedOrphans(std::size_t begin, std::size_t end);
  // Whether a row was refused for a parent that may come later in the migration.
  bool Waits(const absl::Status& refusal) const;
  // Takes those of places [begin, end) from the stage that lack such a parent, and returns them.
  absl::StatusOr<std::vector<std::size_t>> TakeWaiting(std::size_t begin, std::size_t end);

 private:
  postgres::Connection& session_;
  const std::string& schema_;
  const core::Mapping& mapping_;
  const OnConflict on_conflict_;
  bool partitioned_ = false;
  std::vector<std::string> refusing_keys_;  // foreign keys that have refused rows
};

}  // namespace vecferry::load

#endif  // VECFERRY_COMMON_LOAD_LOADER_H_
