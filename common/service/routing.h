#ifndef VECFERRY_COMMON_SERVICE_ROUTING_H_
#define VECFERRY_COMMON_SERVICE_ROUTING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"

namespace vecferry::service {

// One coordinator, as calls are routed to it.
struct Peer {
  std::string address;
  bool answers = true;  // its last beat
  std::shared_ptr<rpc::LeaseClient> leases;
  std::shared_ptr<rpc::SourceClient> sources;
};
using ListPeers = std::function<std::vector<Peer>()>;  // from any thread

// The leases of all coordinators. They do not know each other; each migration is driven by one of them, and when that
// dies another takes the migration up under the same leases. Thread-safe.
class RoutedLeases : public rpc::LeaseClient {
 public:
  explicit RoutedLeases(ListPeers list_peers) : list_peers_(std::move(list_peers)) {}

  // Asks those that answer in turn, the one that gave last at the end. Never says `finished`: another coordinator may
  // come. Errors: kUnavailable: none answers; what the last one said, when all refuse.
  absl::StatusOr<rpc::Acquired> Acquire(const std::string& worker) override;
  // Each asks the one that drives the migration as far as known, then the others, until one says OK or kAborted. Errors
  // else: what one said that is no question of who drives it; kUnavailable: nobody does now.
  absl::Status Renew(const rpc::Lease& lease) override;
  absl::Status Complete(const rpc::Lease& lease) override;
  absl::Status Fail(const rpc::Lease& lease, const absl::Status& why) override;
  absl::StatusOr<core::Plan> GetPlan(const std::string& migration_id) override;

  // Whether leases run of a migration that is driven there, as far as known.
  bool HasLeasesOf(const std::string& address);

 private:
  struct Driven {
    std::string address;
    std::set<std::pair<int, std::uint64_t>> leases;  // shard, epoch
  };

  std::vector<Peer> InTurn();
  std::vector<Peer> DriverFirst(const std::string& migration_id);
  template <typename Call>
  auto Route(const std::string& migration_id, Call call) -> decltype(call(std::declval<rpc::LeaseClient&>()));
  void Begin(const Peer& peer, const rpc::Lease& lease);
  void End(const rpc::Lease& lease);
  void SetDriver(const std::string& migration_id, const std::string& address);

  const ListPeers list_peers_;
  base::Mutex mutex_;
  std::map<std::string, Driven> migrations_ ABSL_GUARDED_BY(mutex_);  // those of which leases run
  std::uint64_t grants_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::uint64_t> last_grant_ ABSL_GUARDED_BY(mutex_);  // by address
};

// Asks one coordinator after the other for a copy. A call that has handed out pieces ends with its own error: the
// caller goes on from there. Errors: kNotFound: none has it; else as rpc::SourceClient.
std::unique_ptr<rpc::SourceClient> MakeRoutedSources(ListPeers list_peers);

}  // namespace vecferry::service

#endif  // VECFERRY_COMMON_SERVICE_ROUTING_H_
