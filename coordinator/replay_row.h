#ifndef VECFERRY_COORDINATOR_REPLAY_ROW_H_
#define VECFERRY_COORDINATOR_REPLAY_ROW_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/core/replay.h"
#include "common/postgres/connection.h"
#include "common/postgres/ledger_rejects.h"

namespace vecferry::coordinator {

// What rejected rows are carried with. Must outlive the call.
struct ReplayContext {
  postgres::Connection& session;  // with the plan's search_path
  const core::Plan& plan;
  std::string migration_id;
  core::ReplaySelection selection;
  std::function<bool()> stopping;
};

enum class Replayed { kInserted, kPresent, kRefused, kGone };  // kGone: another replay was first

// Carries one rejected row, with the second rows that its source row has elsewhere: rows, issue and counters change in
// one transaction, which is the caller's in a dry run. A row that is refused again leaves a new reason in its issue.
// Errors: those of the session; what hinders one row is no error.
absl::StatusOr<Replayed> ReplayRow(const ReplayContext& context, const postgres::RejectPlace& place);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_REPLAY_ROW_H_
