#ifndef VECFERRY_COORDINATOR_HOLD_H_
#define VECFERRY_COORDINATOR_HOLD_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/postgres/connection.h"

namespace vecferry::coordinator {

// The two sessions by which a coordinator holds a migration, and the epoch that it got with them.
struct Hold {
  postgres::Connection lock;    // has the advisory lock, and runs nothing else
  postgres::Connection ledger;  // what it writes names the epoch
  std::uint64_t epoch = 0;
};

// A session for commands that write: refuses transaction poolers (kFailedPrecondition) and standbys (kUnavailable).
// kCancelled once `stopping` says so.
absl::StatusOr<postgres::Connection> OpenWritingSession(const std::string& conninfo, const std::string& name,
                                                        const std::function<bool()>& stopping);

// A session of a coordinator that is not yet one migration's, or no one's. kCancelled once `stopping` says so.
absl::StatusOr<postgres::Connection> OpenCoordinatorSession(
    const std::string& conninfo, const std::function<bool()>& stopping = [] { return false; });

// Takes a migration as postgres::TakeCoordination does; `ledger` becomes the second session.
absl::StatusOr<Hold> TakeHold(const std::string& conninfo, const std::string& migration_id, postgres::Connection ledger,
                              absl::Duration patience);

// The same for a coordinator whose sessions ended, and who closed what was left of them: with its next epoch, by the
// rules for a new one. kAborted: somebody else had the migration since, or cancelled it.
absl::StatusOr<Hold> RetakeHold(const std::string& conninfo, const std::string& migration_id,
                                std::uint64_t former_epoch, absl::Duration patience);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_HOLD_H_
