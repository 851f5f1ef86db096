#include "coordinator/worker_registry.h"

#include <algorithm>
#include <utility>

namespace vecferry::coordinator {

WorkerRegistry::WorkerRegistry(ConnectVerifier connect_verifier, std::function<absl::Duration()> now)
    : connect_verifier_(std::move(connect_verifier)), now_(std::move(now)) {}

void WorkerRegistry::Beat(const rpc::WorkerBeat& beat) {
  base::MutexLock lock(&mutex_);
  workers_[beat.worker] = {beat, now_()};
}

std::vector<std::string> WorkerRegistry::TakeGoneReaders() {
  base::MutexLock lock(&mutex_);
  std::vector<std::string> gone;
  for (auto at = workers_.begin(); at != workers_.end();) {
    if (IsThere(at->second)) {
      ++at;
      continue;
    }
    if (at->second.beat.kind == rpc::WorkerKind::kReader) gone.push_back(at->first);
    at = workers_.erase(at);
  }
  return gone;
}

int WorkerRegistry::Count(rpc::WorkerKind kind) {
  base::MutexLock lock(&mutex_);
  return static_cast<int>(std::count_if(workers_.begin(), workers_.end(), [&](const auto& worker) {
    return worker.second.beat.kind == kind && IsThere(worker.second);
  }));
}

std::optional<std::string> WorkerRegistry::ChooseWriter(const std::map<std::string, int>& streams) {
  base::MutexLock lock(&mutex_);
  std::optional<std::string> chosen;
  double least = 1;  // part of its streams in use
  for (const auto& [name, worker] : workers_) {
    if (worker.beat.kind != rpc::WorkerKind::kWriter || worker.beat.draining || !IsThere(worker)) continue;
    if (worker.beat.streams_max <= 0) continue;
    const auto used = streams.find(worker.beat.address);
    const double part = (used == streams.end() ? 0.0 : used->second) / worker.beat.streams_max;
    if (part >= least) continue;
    least = part;
    chosen = worker.beat.address;
  }
  return chosen;
}

absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> WorkerRegistry::ChooseVerifier() {
  std::string address;
  {
    base::MutexLock lock(&mutex_);
    const auto may_check = [this](const Known& worker) {
      return worker.beat.kind == rpc::WorkerKind::kVerifier && !worker.beat.draining && IsThere(worker);
    };
    auto chosen = workers_.upper_bound(last_verifier_);
    while (chosen != workers_.end() && !may_check(chosen->second)) ++chosen;
    if (chosen == workers_.end()) {
      chosen =
          std::find_if(workers_.begin(), workers_.end(), [&](const auto& worker) { return may_check(worker.second); });
    }
    if (chosen == workers_.end()) return absl::UnavailableError("no verifier is there");
    last_verifier_ = chosen->first;
    address = chosen->second.beat.address;
  }
  return connect_verifier_(address);
}

}  // namespace vecferry::coordinator
