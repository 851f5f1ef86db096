#ifndef VECFERRY_COMMON_BASE_BOUNDED_QUEUE_H_
#define VECFERRY_COMMON_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "common/base/mutex.h"

namespace vecferry::base {

// A queue bounded by the bytes that its items hold. Thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Blocks until there is room. An item larger than the whole bound is admitted alone: refusing it would stall
  // the pipeline. Errors: kDeadlineExceeded; kCancelled once Close() was called.
  absl::Status Push(T item, std::size_t bytes, absl::Time deadline = absl::InfiniteFuture()) {
    MutexLock lock(&mutex_);
    const bool ready = mutex_.AwaitUntil(deadline, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return closed_ || items_.empty() || bytes_ + bytes <= bytes_max_;
    });
    if (closed_) return absl::CancelledError("queue closed");
    if (!ready) return absl::DeadlineExceededError("queue full");
    bytes_ += bytes;
    items_.emplace_back(std::move(item), bytes);
    return absl::OkStatus();
  }

  // Returns the oldest item. Errors: kDeadlineExceeded; kCancelled once the queue is closed and drained.
  absl::StatusOr<T> Pop(absl::Time deadline = absl::InfiniteFuture()) {
    MutexLock lock(&mutex_);
    mutex_.AwaitUntil(deadline, [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closed_ || !items_.empty(); });
    if (items_.empty()) {
      return closed_ ? absl::CancelledError("queue closed") : absl::DeadlineExceededError("queue empty");
    }
    auto [item, bytes] = std::move(items_.front());
    items_.pop_front();
    bytes_ -= bytes;
    return std::move(item);
  }

  // No more pushes; what is queued can still be popped.
  void Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  const std::size_t bytes_max_;
  Mutex mutex_;
  std::deque<std::pair<T, std::size_t>> items_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace vecferry::base

#endif  // VECFERRY_COMMON_BASE_BOUNDED_QUEUE_H_
