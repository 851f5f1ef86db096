#include "common/base/process_signals.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

namespace vecferry::base {
namespace {

sigset_t EndingSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);  // by which the destructor wakes the thread, too
  for (const int signal : {SIGINT, SIGHUP}) {
    struct sigaction inherited {};
    sigaction(signal, nullptr, &inherited);
    if (inherited.sa_handler != SIG_IGN) sigaddset(&set, signal);
  }
  return set;
}

// Other threads may hold any lock now: only what is safe in a signal handler is done here.
[[noreturn]] void EndAtOnce(absl::string_view line) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(kInterruptedExitCode);
}

}  // namespace

ProcessSignals::ProcessSignals(absl::Duration deadline) : deadline_(deadline) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // the write itself tells that a file may not grow
  const sigset_t set = EndingSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this] { Take(); });
}

ProcessSignals::~ProcessSignals() {
  ClearHandler();
  {
    MutexLock lock(&mutex_);
    ending_ = true;
  }
  pthread_kill(thread_.native_handle(), SIGTERM);  // wakes it; `ending_` tells why
  thread_.join();
}

void ProcessSignals::OnInterrupt(std::function<void()> handler) {
  MutexLock lock(&mutex_);
  handler_ = std::move(handler);
  if (interrupted_) StartHandler();
}

void ProcessSignals::ClearHandler() {
  std::thread running;
  {
    MutexLock lock(&mutex_);
    handler_ = nullptr;
    running = std::move(handler_thread_);
  }
  if (running.joinable()) running.join();
}

bool ProcessSignals::interrupted() {
  MutexLock lock(&mutex_);
  return interrupted_;
}

void ProcessSignals::StartHandler() {
  if (handler_runs_) return;
  handler_runs_ = true;
  handler_thread_ = std::thread(handler_);
}

void ProcessSignals::Take() {
  const sigset_t set = EndingSignals();
  absl::Time end = absl::InfiniteFuture();
  while (true) {
    int taken = 0;
    if (end == absl::InfiniteFuture()) {
      sigwait(&set, &taken);
    } else {
      const timespec left = absl::ToTimespec(std::max(absl::ZeroDuration(), end - absl::Now()));
      taken = sigtimedwait(&set, nullptr, &left);
    }
    MutexLock lock(&mutex_);
    if (ending_) return;
    if (taken < 0 && absl::Now() < end) continue;  // woken by something else
    if (taken < 0) EndAtOnce("vecferry: interrupted, and ended at once: a statement did not return in time\n");
    if (interrupted_) EndAtOnce("vecferry: interrupted twice, ended at once\n");
    interrupted_ = true;
    if (handler_ == nullptr) EndAtOnce("vecferry: interrupted\n");
    end = absl::Now() + deadline_;
    StartHandler();
  }
}

}  // namespace vecferry::base
