#include "reader-worker/lease_keeper.h"

#include <utility>

#include "absl/time/clock.h"

namespace vecferry::reader {

LeaseKeeper::LeaseKeeper(rpc::LeaseClient& leases, rpc::Lease lease, std::function<void()> on_lost)
    : leases_(leases), lease_(std::move(lease)), on_lost_(std::move(on_lost)) {
  thread_ = std::thread([this] { Run(); });
}

LeaseKeeper::~LeaseKeeper() {
  {
    base::MutexLock lock(&mutex_);
    done_ = true;
  }
  thread_.join();
}

bool LeaseKeeper::lost() const {
  base::MutexLock lock(&mutex_);
  return lost_;
}

void LeaseKeeper::Run() {
  while (true) {
    {
      base::MutexLock lock(&mutex_);
      const absl::Time next = absl::Now() + lease_.duration / 3;
      if (mutex_.AwaitUntil(next, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; })) return;
    }
    // Only the coordinator's word ends it: one that cannot be reached may be back before the lease runs out, and the
    // writer's fence holds in any case.
    if (!absl::IsAborted(leases_.Renew(lease_))) continue;
    {
      base::MutexLock lock(&mutex_);
      lost_ = true;
    }
    on_lost_();
    return;
  }
}

}  // namespace vecferry::reader
