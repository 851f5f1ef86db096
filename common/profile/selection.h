#ifndef VECFERRY_COMMON_PROFILE_SELECTION_H_
#define VECFERRY_COMMON_PROFILE_SELECTION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// The tables to carry, parents before children: ordinary ones that --only and --skip leave. Everything else is named in
// draft.plan.left_out with its reason.
// Errors: kInvalidArgument for a table that the source does not have, or when nothing is left.
absl::StatusOr<std::vector<const sqlite::SourceTable*>> SelectTables(Draft& draft);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_SELECTION_H_
