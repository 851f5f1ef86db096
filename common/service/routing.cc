#include "common/service/routing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"

namespace vecferry::service {
namespace {

const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

// Whether another coordinator may know better.
bool IsAnothers(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsNotFound(status) || absl::IsDeadlineExceeded(status);
}

absl::Status NoCoordinator() { return absl::UnavailableError("no coordinator answers"); }

class RoutedSources : public rpc::SourceClient {
 public:
  explicit RoutedSources(ListPeers list_peers) : list_peers_(std::move(list_peers)) {}

  absl::Status Fetch(const std::string& snapshot, std::uint64_t offset, const std::function<bool()>& stopping,
                     const std::function<absl::Status(const rpc::SourceChunk&)>& on_chunk) override {
    std::vector<Peer> peers = list_peers_();
    std::stable_partition(peers.begin(), peers.end(), [](const Peer& peer) { return peer.answers; });
    absl::Status busy, away, missing;
    for (const Peer& peer : peers) {
      bool handed_out = false;
      const absl::Status status = peer.sources->Fetch(snapshot, offset, stopping, [&](const rpc::SourceChunk& chunk) {
        handed_out = true;
        return on_chunk(chunk);
      });
      // One that is busy does not look whether it has the copy.
      const bool is_busy = absl::IsResourceExhausted(status);
      if (status.ok() || handed_out || (!is_busy && !IsAnothers(status))) return status;
      (is_busy ? busy : absl::IsNotFound(status) ? missing : away) = status;
    }
    // One that is busy or away may have what the others have not.
    if (!busy.ok()) return busy;
    if (!away.ok()) return away;
    return missing.ok() ? NoCoordinator() : missing;
  }

 private:
  const ListPeers list_peers_;
};

}  // namespace

std::unique_ptr<rpc::SourceClient> MakeRoutedSources(ListPeers list_peers) {
  return std::make_unique<RoutedSources>(std::move(list_peers));
}

absl::StatusOr<rpc::Acquired> RoutedLeases::Acquire(const std::string& worker) {
  rpc::Acquired none;
  absl::Status said = NoCoordinator();
  for (const Peer& peer : InTurn()) {
    absl::StatusOr<rpc::Acquired> acquired = peer.leases->Acquire(worker);
    if (!acquired.ok()) {
      if (!said.ok()) said = acquired.status();
      continue;
    }
    acquired->finished = false;
    if (acquired->lease) {
      Begin(peer, *acquired->lease);
      return acquired;
    }
    none.retry_after = said.ok() ? std::min(none.retry_after, acquired->retry_after) : acquired->retry_after;
    said = absl::OkStatus();
  }
  RETURN_IF_ERROR(said);
  return none;
}

absl::Status RoutedLeases::Renew(const rpc::Lease& lease) {
  return Route(lease.migration_id, [&](rpc::LeaseClient& leases) { return leases.Renew(lease); });
}

absl::Status RoutedLeases::Complete(const rpc::Lease& lease) {
  const absl::Status status =
      Route(lease.migration_id, [&](rpc::LeaseClient& leases) { return leases.Complete(lease); });
  End(lease);
  return status;
}

absl::Status RoutedLeases::Fail(const rpc::Lease& lease, const absl::Status& why) {
  const absl::Status status =
      Route(lease.migration_id, [&](rpc::LeaseClient& leases) { return leases.Fail(lease, why); });
  End(lease);
  return status;
}

absl::StatusOr<core::Plan> RoutedLeases::GetPlan(const std::string& migration_id) {
  return Route(migration_id, [&](rpc::LeaseClient& leases) { return leases.GetPlan(migration_id); });
}

bool RoutedLeases::HasLeasesOf(const std::string& address) {
  base::MutexLock lock(&mutex_);
  return std::any_of(migrations_.begin(), migrations_.end(),
                     [&](const auto& migration) { return migration.second.address == address; });
}

template <typename Call>
auto RoutedLeases::Route(const std::string& migration_id, Call call)
    -> decltype(call(std::declval<rpc::LeaseClient&>())) {
  absl::Status said, away = NoCoordinator();
  for (const Peer& peer : DriverFirst(migration_id)) {
    auto result = call(*peer.leases);
    const absl::Status& status = StatusOf(result);
    if (status.ok()) SetDriver(migration_id, peer.address);
    if (status.ok() || absl::IsAborted(status)) return result;
    if (IsAnothers(status)) {
      away = status;
    } else if (said.ok()) {
      said = status;
    }
  }
  if (!said.ok()) return said;
  // Not kNotFound, which a reader would give a shard up for: another coordinator will take the migration up.
  return absl::UnavailableError(
      absl::StrCat("no coordinator drives migration ", migration_id, " now: ", away.message()));
}

std::vector<Peer> RoutedLeases::InTurn() {
  std::vector<Peer> peers = list_peers_();
  // One that does not answer would hold the stream up until its call's deadline.
  peers.erase(std::remove_if(peers.begin(), peers.end(), [](const Peer& peer) { return !peer.answers; }), peers.end());
  base::MutexLock lock(&mutex_);
  const auto grant_of = [this](const Peer& peer) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const auto found = last_grant_.find(peer.address);
    return found == last_grant_.end() ? 0 : found->second;
  };
  std::stable_sort(peers.begin(), peers.end(),
                   [&](const Peer& left, const Peer& right) { return grant_of(left) < grant_of(right); });
  return peers;
}

std::vector<Peer> RoutedLeases::DriverFirst(const std::string& migration_id) {
  std::vector<Peer> peers = list_peers_();
  std::string driver;
  {
    base::MutexLock lock(&mutex_);
    if (const auto known = migrations_.find(migration_id); known != migrations_.end()) driver = known->second.address;
  }
  std::stable_partition(peers.begin(), peers.end(), [&](const Peer& peer) { return peer.address == driver; });
  // A driver that does not answer holds a call up to its deadline: somebody may drive in its place already.
  std::stable_partition(peers.begin(), peers.end(), [](const Peer& peer) { return peer.answers; });
  return peers;
}

void RoutedLeases::Begin(const Peer& peer, const rpc::Lease& lease) {
  base::MutexLock lock(&mutex_);
  last_grant_[peer.address] = ++grants_;
  Driven& driven = migrations_[lease.migration_id];
  driven.address = peer.address;
  driven.leases.emplace(lease.shard, lease.epoch);
}

void RoutedLeases::End(const rpc::Lease& lease) {
  base::MutexLock lock(&mutex_);
  const auto migration = migrations_.find(lease.migration_id);
  if (migration == migrations_.end()) return;
  migration->second.leases.erase({lease.shard, lease.epoch});
  if (migration->second.leases.empty()) migrations_.erase(migration);
}

void RoutedLeases::SetDriver(const std::string& migration_id, const std::string& address) {
  base::MutexLock lock(&mutex_);
  const auto migration = migrations_.find(migration_id);
  if (migration != migrations_.end()) migration->second.address = address;
}

}  // namespace vecferry::service
