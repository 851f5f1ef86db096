#include "writer-worker/queue_budget.h"

namespace vecferry::writer {

QueueBudget::Share::~Share() {
  base::MutexLock lock(&budget_.mutex_);
  budget_.bytes_ -= bytes_;
  budget_.gauge_.Add(-static_cast<double>(bytes_));
}

bool QueueBudget::Share::Take(std::size_t bytes) {
  base::MutexLock lock(&budget_.mutex_);
  budget_.mutex_.Await([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(budget_.mutex_) {
    return closed_ || bytes_ == 0 || budget_.bytes_ + bytes <= budget_.bytes_max_;
  });
  if (closed_) return false;
  bytes_ += bytes;
  budget_.bytes_ += bytes;
  budget_.gauge_.Add(static_cast<double>(bytes));
  return true;
}

void QueueBudget::Share::Give(std::size_t bytes) {
  base::MutexLock lock(&budget_.mutex_);
  bytes_ -= bytes;
  budget_.bytes_ -= bytes;
  budget_.gauge_.Add(-static_cast<double>(bytes));
}

void QueueBudget::Share::Close() {
  base::MutexLock lock(&budget_.mutex_);
  closed_ = true;
}

}  // namespace vecferry::writer
