#ifndef VECFERRY_READER_WORKER_STOP_FLAG_H_
#define VECFERRY_READER_WORKER_STOP_FLAG_H_

#include <atomic>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace vecferry::reader {

// Set once, from any thread; ends waits.
class StopFlag {
 public:
  void Set() {
    base::MutexLock lock(&mutex_);
    set_ = true;
  }
  bool IsSet() const { return set_; }  // asked for every row: no lock
  // Waits at most `duration`. Returns whether the flag is set.
  bool WaitFor(absl::Duration duration) {
    base::MutexLock lock(&mutex_);
    return mutex_.AwaitUntil(absl::Now() + duration, [this] { return set_.load(); });
  }

 private:
  base::Mutex mutex_;
  std::atomic<bool> set_ = false;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_READER_WORKER_STOP_FLAG_H_
