#ifndef VECFERRY_READER_WORKER_LEASE_KEEPER_H_
#define VECFERRY_READER_WORKER_LEASE_KEEPER_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/rpc/clients.h"

namespace vecferry::reader {

// Renews one lease at a third of its duration, on a thread of its own: a writer that commits slowly must not cost the
// shard. When the coordinator says that the lease is lost, the watched stream is cancelled. Thread-safe.
class LeaseKeeper {
 public:
  LeaseKeeper(rpc::LeaseClient& leases, rpc::Lease lease);
  ~LeaseKeeper();
  LeaseKeeper(const LeaseKeeper&) = delete;
  LeaseKeeper& operator=(const LeaseKeeper&) = delete;

  // `stream` must live until Watch(nullptr).
  void Watch(rpc::BatchStream* stream);
  bool lost();

 private:
  void Run();

  rpc::LeaseClient& leases_;
  const rpc::Lease lease_;
  base::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool lost_ ABSL_GUARDED_BY(mutex_) = false;
  rpc::BatchStream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_LEASE_KEEPER_H_
