#ifndef VECFERRY_COORDINATOR_LEDGER_MOVES_H_
#define VECFERRY_COORDINATOR_LEDGER_MOVES_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/findings.h"
#include "common/core/migration.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"

namespace vecferry::coordinator {

// Changes of the ledger that only the coordinator makes, beside common/postgres/ledger.h.

// kAborted unless `epoch` still is the migration's: the caller no longer drives it.
absl::Status CheckEpoch(postgres::Connection& session, absl::string_view migration_id, std::uint64_t epoch);

// Ends whatever runs the migration, wherever: the state is `halted` (PAUSED or CANCELLED), sessions terminated, and
// every epoch raised, so that neither the coordinator nor a writer of before can write again. Not in a transaction; may
// run twice. Claims stay.
absl::Status HaltMigration(postgres::Connection& session, absl::string_view migration_id, core::State halted);

// Terminates the migration's sessions and raises the lease epochs: what writers have not committed they never will.
absl::Status FenceWriters(postgres::Connection& session, absl::string_view migration_id);

// In the caller's transaction: `rows` rows that a shard inserted count as rejected from now on, those that were told as
// repaired no longer as such. They are the ones whose issues have numbers above `after`.
absl::Status MoveToRejected(postgres::Connection& session, absl::string_view migration_id, int shard, std::int64_t rows,
                            std::int64_t after);

// In the caller's transaction: nothing of these mappings was read yet: positions, counters, sums and issues go, and the
// epochs rise.
absl::Status ResetMappings(postgres::Connection& session, absl::string_view migration_id,
                           const std::set<int>& mappings);

// Mappings of which rows were rejected for a missing parent.
absl::StatusOr<std::set<int>> MappingsWithOrphans(postgres::Connection& session, absl::string_view migration_id);

// Notes the level of the checks to come, and forgets the results of an earlier run of them. kAborted as CheckEpoch.
absl::Status BeginChecks(postgres::Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                         absl::string_view level);

// Keeps what a verification finds, by writes that name the epoch: at each of its steps, since a transaction for each
// of hundreds of findings would take longer than the checks. Must not outlive what it was made with.
class StoredFindings : public core::Findings {
 public:
  // Runs a write on the ledger's session as whoever holds the migration under `epoch`.
  using Writing = std::function<absl::Status(postgres::Connection& session, std::uint64_t epoch)>;
  using WithLedger = std::function<absl::Status(const Writing& write)>;
  StoredFindings(std::string migration_id, WithLedger with_ledger, std::function<void(absl::string_view)> on_step)
      : migration_id_(std::move(migration_id)), with_ledger_(std::move(with_ledger)), on_step_(std::move(on_step)) {}

  absl::Status Tell(const core::CheckReport& check) override;
  absl::Status Tell(const core::DifferenceReport& difference) override;
  void CountMoreDifferences(std::int64_t differences) override { more_ += differences; }
  absl::Status Tell(const core::RecallReport& recall) override;
  absl::Status Tell(const core::TableSize& size) override;
  absl::Status TellStep(absl::string_view step) override;
  // To be called at the end: stores what is left, and the number of differences that were only counted.
  absl::Status Finish();
  bool different() const { return different_; }

 private:
  using Record = std::function<absl::Status(postgres::Connection& session)>;
  absl::Status Add(Record record);
  absl::Status Store();

  const std::string migration_id_;
  const WithLedger with_ledger_;
  const std::function<void(absl::string_view)> on_step_;
  bool different_ = false;
  int named_ = 0;
  std::int64_t more_ = 0;
  std::vector<Record> pending_;
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_LEDGER_MOVES_H_
