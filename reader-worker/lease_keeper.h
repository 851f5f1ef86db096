#ifndef VECFERRY_READER_WORKER_LEASE_KEEPER_H_
#define VECFERRY_READER_WORKER_LEASE_KEEPER_H_

#include <functional>
#include <thread>

#include "common/base/mutex.h"
#include "common/rpc/clients.h"

namespace vecferry::reader {

// Renews one lease at a third of its duration, on a thread of its own, until it goes. Calls `on_lost` once when the
// lease is another's. Thread-safe.
class LeaseKeeper {
 public:
  LeaseKeeper(rpc::LeaseClient& leases, rpc::Lease lease, std::function<void()> on_lost);
  ~LeaseKeeper();

  bool lost() const;

 private:
  void Run();

  rpc::LeaseClient& leases_;
  const rpc::Lease lease_;
  const std::function<void()> on_lost_;
  mutable base::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_LEASE_KEEPER_H_
