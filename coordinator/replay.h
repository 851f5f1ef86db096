#ifndef VECFERRY_COORDINATOR_REPLAY_H_
#define VECFERRY_COORDINATOR_REPLAY_H_

#include "absl/status/statusor.h"
#include "common/core/replay.h"
#include "coordinator/replay_row.h"

namespace vecferry::coordinator {

// kInvalidArgument, beginning with the flag: the selection names no table, or sets no column, of the plan.
absl::Status CheckSelection(const core::Plan& plan, const core::ReplaySelection& selection);

// Carries the selected rejected rows, each exactly once: parents before children, again until nothing moves, so that
// rows whose parent is among them follow. May run twice, also at once; a dry run changes nothing.
// Errors: kCancelled once stopping() holds; those of the session. What was carried stays carried.
absl::StatusOr<core::ReplayOutcome> Replay(const ReplayContext& context);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_REPLAY_H_
