#ifndef VECFERRY_COORDINATOR_ORPHANS_H_
#define VECFERRY_COORDINATOR_ORPHANS_H_

#include <string>

#include "absl/status/status.h"
#include "coordinator/finish.h"

namespace vecferry::coordinator {

// SQL condition on a row `c` of the step's table: it names a parent that does not exist. A NULL among the columns
// names none (MATCH SIMPLE).
std::string OrphanCondition(absl::string_view schema, const core::FinishStep& foreign_key);

// Removes the rows whose declared parent does not exist from the tables that the migration made, until none is left (a
// removed row may have been another's parent): one transaction deletes them, writes a row issue `foreign_key` each,
// with the source row that a reader finds for it, and moves the counters from inserted to rejected.
// kOutOfRange: more rejected rows than allowed; nothing was deleted.
absl::Status RemoveOrphans(const FinishContext& context);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_ORPHANS_H_
