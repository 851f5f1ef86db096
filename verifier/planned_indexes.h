#ifndef VECFERRY_VERIFIER_PLANNED_INDEXES_H_
#define VECFERRY_VERIFIER_PLANNED_INDEXES_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"

namespace vecferry::verifier {

// An index of this migration, also that of a key, which is there as planned.
struct PlannedIndex {
  std::string table;
  std::string planned_name;
  std::string name;  // the one that it has
};

// All that are in force and as the plan's statements make them; where this session cannot make these, those of the
// planned names. Others are told by CheckStructure. Outside of a transaction.
absl::StatusOr<std::vector<PlannedIndex>> FindPlannedIndexes(postgres::Connection& session, const core::Plan& plan,
                                                             bool indexes_wanted,
                                                             const std::set<std::string>& unreadable);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_PLANNED_INDEXES_H_
