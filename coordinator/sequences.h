#ifndef VECFERRY_COORDINATOR_SEQUENCES_H_
#define VECFERRY_COORDINATOR_SEQUENCES_H_

#include <string>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::coordinator {

// Moves the sequence behind a table's column past the source's high-water mark and past the largest value that is
// there, and never backwards: ids that were deleted in the source do not come back. `table` is qualified.
absl::Status AdvanceSequence(postgres::Connection& session, const std::string& table, const core::FinishStep& step);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_SEQUENCES_H_
