#ifndef VECFERRY_COMMON_PROFILE_DUPLICATES_H_
#define VECFERRY_COMMON_PROFILE_DUPLICATES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/profile/profile.h"

namespace vecferry::profile {

// Finds rows whose destination key another row, with a lower source key, has too, and lists their source keys in
// mapping.duplicates (protocol section 6). Only a conversion that is not injective can bring two keys together, so rows
// whose keys are in their canonical form are looked up only where a row with another form exists. Also for the unique
// keys in `unique_keys` (destination columns). Memory is bounded, whatever the number of rows.
// Errors: kFailedPrecondition for more than a million duplicates.
absl::Status FindDuplicates(const PlanInput& input, const sqlite::SourceTable& table,
                            const std::vector<std::vector<std::string>>& unique_keys, core::Mapping& mapping);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_DUPLICATES_H_
