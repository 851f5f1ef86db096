#ifndef VECFERRY_COMMON_PROFILE_FIT_H_
#define VECFERRY_COMMON_PROFILE_FIT_H_

#include "absl/status/status.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// Compares the draft with the destination tables that exist: their mappings become merges.
// Errors: kFailedPrecondition listing every difference at once, each with table and column, and the ways out.
absl::Status FitExistingTables(Draft& draft);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_FIT_H_
