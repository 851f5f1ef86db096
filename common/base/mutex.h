#ifndef VECFERRY_COMMON_BASE_MUTEX_H_
#define VECFERRY_COMMON_BASE_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace vecferry::base {

// std::mutex with Abseil's thread annotations and a condition on its state. ThreadSanitizer understands it;
// Debian's absl::Mutex is not instrumented and would be reported as a race.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  // Wakes every waiter: any state that Await looks at may have changed. Under the lock, since a waiter that sees its
  // condition may destroy this object once it has the lock.
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    changed_.notify_all();
    mutex_.unlock();
  }

  // Releases the lock until `condition()` holds; the condition runs under the lock. Wakes the other waiters first, as
  // Unlock does: the caller may have changed what they wait for.
  template <typename Condition>
  void Await(Condition condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    changed_.notify_all();
    changed_.wait(lock, condition);
    lock.release();
  }

  // As Await, until `deadline` at most. Returns whether the condition holds.
  template <typename Condition>
  bool AwaitUntil(absl::Time deadline, Condition condition)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    bool holds = false;
    changed_.notify_all();
    if (deadline == absl::InfiniteFuture()) {
      changed_.wait(lock, condition);
      holds = true;
    } else {
      // The monotonic clock: a jump of the wall clock must not end or prolong a wait.
      const auto left = absl::ToChronoNanoseconds(deadline - absl::Now());
      holds = changed_.wait_until(lock, std::chrono::steady_clock::now() + left, condition);
    }
    lock.release();
    return holds;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

}  // namespace vecferry::base

#endif  // VECFERRY_COMMON_BASE_MUTEX_H_
