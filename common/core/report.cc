#include "common/core/report.h"

namespace vecferry::core {

int ExitCode(State state, const Counters& totals) {
  switch (state) {
    case State::kVerified:
    case State::kCopied: return totals.all_carried() ? 0 : 3;
    case State::kDifferent: return 4;
    case State::kFailed:
    case State::kCancelled:
    case State::kDropped: return 1;
    case State::kPlanned:
    case State::kCopying:
    case State::kFinishing:
    case State::kVerifying:
    case State::kPaused: return 130;  // stopped on the way: resumable
  }
  return 1;
}

}  // namespace vecferry::core
