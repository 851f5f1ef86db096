#ifndef VECFERRY_COORDINATOR_LEDGER_MOVES_H_
#define VECFERRY_COORDINATOR_LEDGER_MOVES_H_

#include <cstdint>
#include <set>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
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
absl::Status StoreCheck(postgres::Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                        const core::CheckReport& check);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_LEDGER_MOVES_H_
