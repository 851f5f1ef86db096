#ifndef VECFERRY_COORDINATOR_STAGE_CLOCK_H_
#define VECFERRY_COORDINATOR_STAGE_CLOCK_H_

#include <chrono>

#include "absl/time/time.h"
#include "common/core/report.h"

namespace vecferry::coordinator {

// Time since some start of the machine's: never jumps, unlike the wall clock.
inline absl::Duration Monotonic() { return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()); }

// Measures how long each stage takes, in pieces that are added to the ledger now and then, so that a kill loses
// seconds of the measurement at most. Thread-compatible.
class StageClock {
 public:
  using Stage = double core::StageSeconds::*;

  void Begin(Stage stage, absl::Duration now) {
    stage_ = stage;
    since_ = now;
  }
  bool running() const { return stage_ != nullptr; }
  // What passed since Begin or the last Take.
  core::StageSeconds Take(absl::Duration now) {
    core::StageSeconds seconds;
    if (stage_ == nullptr) return seconds;
    seconds.*stage_ = absl::ToDoubleSeconds(now - since_);
    seconds.total = seconds.*stage_;
    since_ = now;
    return seconds;
  }
  void End() { stage_ = nullptr; }

 private:
  Stage stage_ = nullptr;
  absl::Duration since_;
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_STAGE_CLOCK_H_
