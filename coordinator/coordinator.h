#ifndef VECFERRY_COORDINATOR_COORDINATOR_H_
#define VECFERRY_COORDINATOR_COORDINATOR_H_

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "common/postgres/connection.h"
#include "common/rpc/clients.h"
#include "coordinator/sources.h"

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
std::unique_ptr<Coordinator> MakeCoordinator(const CoordinatorOptions& options, std::shared_ptr<Sources> sources,
                                             postgres::ConnectionResolver resolver, rpc::VerifierClient* verifier);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_COORDINATOR_H_
