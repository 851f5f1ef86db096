#ifndef VECFERRY_COMMON_PROFILE_VESTIGE_H_
#define VECFERRY_COMMON_PROFILE_VESTIGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/profile/columns.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// The profile of a Vestige store (docs/mapping.md).

// "" when `schema` is such a store, by its tables and columns; else what is missing. Version numbers mean nothing:
// forks number other schemas alike.
std::string WhyNotVestige(const sqlite::SourceSchema& schema);

// What schema_version says, as a hint; "" when there is none.
absl::StatusOr<std::string> ReadVestigeVersion(const PlanInput& input);

absl::Status DraftVestige(Draft& draft, const std::vector<const sqlite::SourceTable*>& tables, const SaidVectors& said);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_VESTIGE_H_
