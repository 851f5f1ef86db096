#ifndef VECFERRY_COORDINATOR_COORDINATOR_H_
#define VECFERRY_COORDINATOR_COORDINATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/core/record.h"
#include "common/core/replay.h"
#include "common/postgres/connection.h"
#include "common/rpc/clients.h"
#include "common/sqlite/snapshot.h"

namespace grpc {
class Service;
}

namespace vecferry::coordinator {

struct CoordinatorOptions {
  absl::Duration lease_time = absl::Seconds(30);  // renewed at a third of it
  std::int64_t shard_bytes_max = 64 << 20;
  absl::Duration claim_patience = absl::Seconds(5);  // for a killed holder's lock to go
  // For a destination that went away while a migration ran: it is tried again for so long.
  absl::Duration reconnect_max = absl::Seconds(60);
};

// Rows of a shard by their destination keys (reader::ResolveRows).
using ResolveFunction = std::function<absl::Status(
    const core::Mapping&, const core::Shard&, std::int64_t row_bytes_max, const std::unordered_set<std::string>& keys,
    const std::function<absl::Status(const std::string& key, core::RowIssue row)>& on_row)>;
// What a rejected row becomes in a mapping (reader::EncodeAgain). Needs no source.
using EncodeFunction = std::function<absl::StatusOr<core::ReplayRow>(
    const core::Mapping&, const core::Mapping& recorded, std::int64_t row_bytes_max, const core::RawRow&)>;

// What the coordinator needs from the source's side. The reader's functions come in here because services never include
// one another. Must outlive the coordinator.
struct SourceAccess {
  sqlite::Snapshot* snapshot = nullptr;
  int connection = 0;  // index of the connection that is the coordinator's own
  // Count and sum of a shard's carried range (reader::DigestRange): count, sum.
  std::function<absl::StatusOr<std::pair<std::int64_t, core::Sum128>>(
      const core::Mapping&, const core::Shard&, const std::optional<std::string>& last_key, bool whole)>
      digest;
  ResolveFunction resolve;
  EncodeFunction encode;
};

// MigrationService and LeaseService: plans, claims, shards, leases, states, finish (protocol sections 1, 5-8). Drives a
// migration on threads of its own, with two connections to the destination: one holds the advisory lock and runs
// nothing else. Thread-safe.
class Coordinator {
 public:
  virtual ~Coordinator() = default;  // as Stop
  virtual grpc::Service* migration_service() = 0;
  virtual grpc::Service* lease_service() = 0;
  // Interrupted: grants no more leases; a running finish statement is cancelled; the state stays resumable.
  virtual void Stop() = 0;
};
// `verifier` runs the checks when the rows have arrived; must outlive the coordinator.
std::unique_ptr<Coordinator> MakeCoordinator(const CoordinatorOptions& options, SourceAccess source,
                                             postgres::ConnectionResolver resolver, rpc::VerifierClient* verifier);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_COORDINATOR_H_
