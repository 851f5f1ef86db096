#ifndef VECFERRY_COORDINATOR_SOURCES_H_
#define VECFERRY_COORDINATOR_SOURCES_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::coordinator {

using Stopping = std::function<bool()>;  // asked now and then; true gives it up

// One state of a source, as a migration reads it. Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  // By which workers ask for it (Lease::snapshot); "" = they have it open.
  virtual const std::string& snapshot() const = 0;
  virtual const std::string& fingerprint() const = 0;
  virtual sqlite::SnapshotConnection& connection() = 0;  // the coordinator's own
  // kDataLoss: the copy is not as it was made, so that whatever was read of it may be wrong.
  virtual absl::Status CheckWhole(const Stopping& stopping) = 0;
};

// Where a coordinator's sources come from. Thread-safe.
class Sources {
 public:
  virtual ~Sources() = default;
  // The present state, for a plan that is only shown: nothing is written. Errors as sqlite::Snapshot::Open.
  virtual absl::StatusOr<std::shared_ptr<Source>> Look(const std::string& path, const Stopping& stopping) = 0;
  // The state `snapshot`, where it is still there, else the present one, under an id of its own. Errors as Look.
  virtual absl::StatusOr<std::shared_ptr<Source>> Open(const std::string& path, const std::string& snapshot,
                                                       const Stopping& stopping) = 0;
  // The migration that read `snapshot` has ended.
  virtual void Discard(const std::string& snapshot) = 0;
};

// The one source that this process, readers included, has open. `connection`: index of the coordinator's own. nullptr:
// no source, for commands that only look at the ledger. `snapshot` must outlive all that is made from it.
std::shared_ptr<Sources> MakeHeldSources(sqlite::Snapshot* snapshot, int connection);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_SOURCES_H_
