#ifndef VECFERRY_COORDINATOR_IN_TURN_H_
#define VECFERRY_COORDINATOR_IN_TURN_H_

#include <utility>

#include "common/base/mutex.h"

namespace vecferry::coordinator {

// Something that only one thread may use at a time (a database session), shared by
// several threads that take turns. The mutex guards the turn, not the work: nobody holds it during I/O. Thread-safe.
template <typename Resource>
class InTurn {
 public:
  explicit InTurn(Resource resource) : resource_(std::move(resource)) {}

  // Runs `work(resource)` when the turn comes and returns what it returned.
  template <typename Work>
  auto Run(Work work) {
    Turn turn(*this);
    return work(resource_);
  }

 private:
  class Turn {
   public:
    explicit Turn(InTurn& owner) : owner_(owner) {
      base::MutexLock lock(&owner_.mutex_);
      owner_.mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(owner_.mutex_) { return !owner_.taken_; });
      owner_.taken_ = true;
    }
    ~Turn() {
      base::MutexLock lock(&owner_.mutex_);
      owner_.taken_ = false;
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    InTurn& owner_;
  };

  base::Mutex mutex_;
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
  Resource resource_;  // used by the holder of the turn only
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_IN_TURN_H_
