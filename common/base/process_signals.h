#ifndef VECFERRY_COMMON_BASE_PROCESS_SIGNALS_H_
#define VECFERRY_COMMON_BASE_PROCESS_SIGNALS_H_

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "common/base/mutex.h"

namespace vecferry::base {

inline constexpr int kInterruptedExitCode = 130;

// SIGINT, SIGTERM and SIGHUP of this process, taken by a thread of its own; SIGPIPE is ignored, and so are SIGINT and
// SIGHUP where the process began so (nohup, a script's background job). The first signal calls the handler, if one is
// set, and the process has until the deadline to leave by itself; without a handler, at the second signal, and past the
// deadline it ends at once with 130. Ending at once loses nothing: what is committed is in the ledger. Make it before
// any other thread, so that all of them inherit the blocked signals. Thread-safe.
class ProcessSignals {
 public:
  explicit ProcessSignals(absl::Duration deadline = absl::Seconds(9));
  ~ProcessSignals();
  ProcessSignals(const ProcessSignals&) = delete;
  ProcessSignals& operator=(const ProcessSignals&) = delete;

  // `handler` runs on a thread of its own, once. When a signal came before, it runs at once.
  void OnInterrupt(std::function<void()> handler);
  // Returns once a running handler is done; none will run afterwards.
  void ClearHandler();
  bool interrupted();

 private:
  void Take();
  void StartHandler() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const absl::Duration deadline_;
  Mutex mutex_;
  std::function<void()> handler_ ABSL_GUARDED_BY(mutex_);
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  bool handler_runs_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread handler_thread_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace vecferry::base

#endif  // VECFERRY_COMMON_BASE_PROCESS_SIGNALS_H_
