#ifndef VECFERRY_COORDINATOR_WAITING_ROWS_H_
#define VECFERRY_COORDINATOR_WAITING_ROWS_H_

#include "absl/status/status.h"
#include "coordinator/finish.h"

namespace vecferry::coordinator {

// Carries the rows of existing tables that wait for a parent (of the same table, or round a cycle) as the load carries
// its groups, again until nothing moves; what is left then is rejected. Each transaction moves rows, issues and
// counters together: may run twice. Errors: kOutOfRange: more would be rejected than allowed; they go on waiting;
// kAlreadyExists: a conflict, with --on-conflict fail; kCancelled once stopping() holds.
absl::Status CarryWaitingRows(const FinishContext& context);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_WAITING_ROWS_H_
