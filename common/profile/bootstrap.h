#ifndef VECFERRY_COMMON_PROFILE_BOOTSTRAP_H_
#define VECFERRY_COMMON_PROFILE_BOOTSTRAP_H_

#include "absl/status/status.h"
#include "common/profile/draft.h"
#include "common/profile/vestige_model.h"

namespace vecferry::profile {

// What the vestige profile itself makes: functions that its tables call, the user who owns the memories, a registry row
// where the source has none, the trigger on updated_at.
absl::Status AddBootstrap(Draft& draft, const MainModel& main);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_BOOTSTRAP_H_
