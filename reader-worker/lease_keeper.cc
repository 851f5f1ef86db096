#include "reader-worker/lease_keeper.h"

#include <utility>

#include "absl/time/clock.h"

namespace vecferry::reader {

LeaseKeeper::LeaseKeeper(rpc::LeaseClient& leases, rpc::Lease lease)
    : leases_(leases), lease_(std::move(lease)), thread_([this] { Run(); }) {}

LeaseKeeper::~LeaseKeeper() {
  {
    base::MutexLock lock(&mutex_);
    ending_ = true;
  }
  thread_.join();
}

void LeaseKeeper::Watch(rpc::BatchStream* stream) {
  base::MutexLock lock(&mutex_);
  stream_ = stream;
  if (lost_ && stream_ != nullptr) stream_->Cancel();
}

bool LeaseKeeper::lost() {
  base::MutexLock lock(&mutex_);
  return lost_;
}

void LeaseKeeper::Run() {
  while (true) {
    {
      base::MutexLock lock(&mutex_);
      const auto ending = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ending_; };
      if (mutex_.AwaitUntil(absl::Now() + lease_.duration / 3, ending)) return;
    }
    // Any other error may pass before the lease ends; if it does not, the fence at the writer holds.
    if (leases_.Renew(lease_).code() != absl::StatusCode::kAborted) continue;
    base::MutexLock lock(&mutex_);
    lost_ = true;
    if (stream_ != nullptr) stream_->Cancel();
    return;
  }
}

}  // namespace vecferry::reader
