#ifndef VECFERRY_WRITER_WORKER_LOADER_H_
#define VECFERRY_WRITER_WORKER_LOADER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "writer-worker/load_sql.h"

namespace vecferry::writer {

// What became of the tuples of one load. Places count from 0.
struct LoadOutcome {
  std::int64_t inserted = 0, present = 0, updated = 0;
  std::vector<std::pair<std::size_t, std::string>> conflicting;  // place, differing columns
  // Two tuples have one key: roll back, and tell them apart by loading fewer at once.
  bool ambiguous = false;
};

// Puts tuples into one destination table within the caller's transaction: COPY straight in (fresh), or by way of a
// stage (merge). Not thread-safe. Session, schema and mapping must outlive it.
// Usage: Begin(), Put() for each cut, End(); after an error the transaction, or the savepoint before Begin, must be
// rolled back. Abandon() between Begin and End gives up a load.
class Loader {
 public:
  Loader(postgres::Connection& session, const std::string& schema, const core::Mapping& mapping, OnConflict on_conflict)
      : session_(session), schema_(schema), mapping_(mapping), on_conflict_(on_conflict) {}

  // Once a session, before the first load.
  absl::Status Prepare();

  absl::Status Begin();
  absl::Status Put(absl::string_view tuples);
  // `tuples`: how many were put. Errors: kInternal when rows vanished, as with a trigger that swallows them; what
  // Postgres refused.
  absl::StatusOr<LoadOutcome> End(std::int64_t tuples);
  void Abandon();

  bool merges() const { return mapping_.mode == core::LoadMode::kMerge; }

 private:
  absl::StatusOr<LoadOutcome> Merge(std::int64_t tuples);

  postgres::Connection& session_;
  const std::string& schema_;
  const core::Mapping& mapping_;
  const OnConflict on_conflict_;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_LOADER_H_
