#ifndef VECFERRY_COORDINATOR_COORDINATOR_H_
#define VECFERRY_COORDINATOR_COORDINATOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/postgres/connection.h"
#include "common/telemetry/metrics.h"
#include "coordinator/sources.h"
#include "coordinator/worker_registry.h"
#include "coordinator/workers.h"

namespace grpc {
class Service;
}

namespace vecferry::coordinator {

// A command's migrations end with its process, resumable; those of a service go on without it: another coordinator, or
// the same one restarted, takes them up.
enum class Life { kCommand, kService };

struct CoordinatorOptions {
  Life life = Life::kCommand;
  absl::Duration lease_time = absl::Seconds(30);  // renewed at a third of it
  std::int64_t shard_bytes_max = 64 << 20;
  absl::Duration claim_patience = absl::Seconds(5);  // for a killed holder's lock to go
  // For a destination that went away while a migration ran: it is tried again for so long.
  absl::Duration reconnect_max = absl::Seconds(60);
  // A shard that was given back so often for what may pass, a worker that went away, fails its migration. (A service's
  // pause between two attempts grows to 4 s: it outlasts ten minutes without workers.)
  int attempts_max = 5;
  std::shared_ptr<prometheus::Registry> registry = telemetry::MakeRegistry();  // takes the coordinator's metrics
  // kService: what it looks after beside its calls.
  struct Duties {
    // Of all connections: looked through now and then for migrations that nobody drives.
    std::function<absl::StatusOr<std::vector<std::string>>()> connection_names = [] {
      return std::vector<std::string>();
    };
    absl::Duration look_interval = absl::Seconds(3), tidy_interval = absl::Minutes(1);
    std::shared_ptr<WorkerRegistry> registry;  // the workers; its readers that fall silent lose their leases
    // Told now and then, when all connections could be looked through: the copies of sources that unfinished migrations
    // read, those of other coordinators included.
    std::function<void(const std::set<std::string>&)> keep_copies = [](const std::set<std::string>&) {};
    std::function<void()> tidy_copies = [] {};  // now and then
  } duties;
};

// MigrationService and LeaseService: plans, claims, shards, leases, states, finish (protocol sections 1, 5-8). Drives a
// migration on threads of its own, with two connections to the destination: one holds the advisory lock and runs
// nothing else. Thread-safe.
class Coordinator {
 public:
  virtual ~Coordinator() = default;  // as Stop
  virtual grpc::Service* migration_service() = 0;
  virtual grpc::Service* lease_service() = 0;
  // Grants no more leases; a running finish statement is cancelled. A command's migrations become PAUSED; those of a
  // service stay as they are, for whoever takes them up.
  virtual void Stop() = 0;
  // kService: all connections were looked through once for migrations to take up.
  virtual bool ready() = 0;
};
std::unique_ptr<Coordinator> MakeCoordinator(const CoordinatorOptions& options, std::shared_ptr<Sources> sources,
                                             std::shared_ptr<Workers> workers, postgres::ConnectionResolver resolver);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_COORDINATOR_H_
