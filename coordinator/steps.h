#ifndef VECFERRY_COORDINATOR_STEPS_H_
#define VECFERRY_COORDINATOR_STEPS_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::coordinator {

// What a finish step is called in progress and failures, such as: index "memories_embedding" on "memories".
std::string DescribeStep(const core::FinishStep& step);

// Whether the step changes its table's structure, so that the catalogs tell whether it was done.
bool ChangesTable(const core::FinishStep& step);

// The statement that takes the locks of a step that changes its table: an earlier client's statement that still runs
// ends before the catalogs are looked at.
std::string LockTables(absl::string_view schema, const core::FinishStep& step);

// Whether the catalogs show the step's result on its table. An index that a broken build left invalid counts as absent
// and is dropped. kFailedPrecondition: an object of that name belongs to another table.
absl::StatusOr<bool> IsDone(postgres::Connection& session, absl::string_view schema, const core::FinishStep& step);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_STEPS_H_
