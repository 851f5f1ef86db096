#ifndef VECFERRY_COORDINATOR_RESUME_H_
#define VECFERRY_COORDINATOR_RESUME_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "common/postgres/ledger.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::coordinator {

// What a resumed migration works with. Must outlive the call.
struct ResumeContext {
  postgres::Connection& session;
  sqlite::SnapshotConnection& source;
  std::string fingerprint;  // of the source now
  std::string snapshot;     // the copy of it that is read now
  std::string migration_id;
  std::uint64_t coordinator_epoch = 0;
  std::string on_source_change;  // reconcile | fail
  std::function<bool()> stopping;
};

// Shards whose carried range no longer holds what the ledger says was read from it, or of which a row would be carried
// in another way by the plan as the source has it renewed: it became a duplicate, or is none any more, or got an equal.
absl::StatusOr<std::vector<int>> FindChangedShards(const ResumeContext& context, const core::Plan& plan,
                                                   const core::Plan& renewed,
                                                   const std::vector<postgres::ShardRow>& shards);

// The mappings that must be carried again when `changed` ones must: those that load into the same tables, and those
// whose rows lost a parent (`lost_parent`) in such a table. Pure.
std::set<int> AffectedMappings(const core::Plan& plan, const std::set<int>& changed, const std::set<int>& lost_parent);

// Makes sure that plan and destination fit the source as it is now, before a resumed migration goes on (protocol
// section 5): an equal fingerprint is enough; else the carried ranges decide; changed ones are carried again, in tables
// that the migration made, or stop it. Brings `plan` up to date and stores it.
// Errors: kFailedPrecondition, one line with what changed and what to do; kCancelled once stopping() holds.
absl::Status ReconcileSource(const ResumeContext& context, core::Plan& plan);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_RESUME_H_
