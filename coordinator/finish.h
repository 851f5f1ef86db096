#ifndef VECFERRY_COORDINATOR_FINISH_H_
#define VECFERRY_COORDINATOR_FINISH_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::coordinator {

// What the steps after the load work with. Must outlive the call.
struct FinishContext {
  postgres::Connection& session;  // its own: the ledger's must stay free for heartbeats
  const core::Plan& plan;
  std::string migration_id;
  std::uint64_t coordinator_epoch = 0;
  std::int64_t rejects_max = 1000;
  bool no_indexes = false;
  std::function<void(const std::string& step)> on_step;  // what is at work, for people
  std::function<bool()> stopping;
  sqlite::SnapshotConnection& source;
};

// Everything between the last row and the checks: the rows of existing tables whose parent came later; then, in the
// plan's order, keys, orphans, foreign keys, indexes, triggers, sequences, statistics; then the tables are opened.
// Every step takes its table's lock, looks into the catalogs whether its result is there, and is skipped if so: any of
// them may run twice. Errors: kCancelled once stopping() holds; kOutOfRange: more rejected rows than allowed, nothing
// deleted; kAborted: another coordinator has the migration; else what the server said, with the statement.
absl::Status Finish(const FinishContext& context);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_FINISH_H_
