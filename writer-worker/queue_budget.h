#ifndef VECFERRY_WRITER_WORKER_QUEUE_BUDGET_H_
#define VECFERRY_WRITER_WORKER_QUEUE_BUDGET_H_

#include <cstddef>

#include "common/base/mutex.h"
#include "common/telemetry/metrics.h"

namespace vecferry::writer {

// Bounds the bytes that all streams of a writer hold in their queues together. Thread-safe.
class QueueBudget {
 public:
  // `gauge` shows what is taken, and must outlive it.
  QueueBudget(std::size_t bytes_max, telemetry::Gauge& gauge) : bytes_max_(bytes_max), gauge_(gauge) {}

  // What one stream has taken; gives the rest back at its end. The budget must outlive it.
  class Share {
   public:
    explicit Share(QueueBudget& budget) : budget_(budget) {}
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // Blocks until there is room. A stream that has taken nothing is let in at once: others that stand still must not
    // hold it up. False: Close() was called, and nothing is taken.
    bool Take(std::size_t bytes);
    void Give(std::size_t bytes);
    void Close();

   private:
    QueueBudget& budget_;
    std::size_t bytes_ ABSL_GUARDED_BY(budget_.mutex_) = 0;
    bool closed_ ABSL_GUARDED_BY(budget_.mutex_) = false;
  };

 private:
  const std::size_t bytes_max_;
  telemetry::Gauge& gauge_;
  base::Mutex mutex_;
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace vecferry::writer

#endif  // VECFERRY_WRITER_WORKER_QUEUE_BUDGET_H_
