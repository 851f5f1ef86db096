#ifndef VECFERRY_COMMON_PROFILE_VESTIGE_TABLES_H_
#define VECFERRY_COMMON_PROFILE_VESTIGE_TABLES_H_

#include "common/profile/planned.h"
#include "common/profile/vestige_model.h"

namespace vecferry::profile {

// The destination tables of the vestige profile, as data.

PlannedTable PlanKnowledgeNodes(const Draft& draft, const MainModel& main);
PlannedTable PlanScheduling();
PlannedTable PlanEdges();
// For the rows of one of its two source tables.
PlannedTable PlanNodeEmbeddings(const std::string& origin, const MainModel& main);
PlannedTable PlanRegistry(const MainModel& main);
PlannedTable PlanDomains();
PlannedTable PlanUsers();
PlannedTable PlanGroups();
PlannedTable PlanGroupMemberships();
PlannedTable PlanReviewEvents();

// The function that makes a tags array one text. array_to_string() itself is only STABLE, which a generated column may
// not call.
inline constexpr char kJoinTagsFunction[] = "vecferry_join_tags";
inline constexpr char kTouchFunction[] = "vecferry_touch_updated_at";

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_VESTIGE_TABLES_H_
