#ifndef VECFERRY_VERIFIER_COUNTS_H_
#define VECFERRY_VERIFIER_COUNTS_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::verifier {

// Level `counts`: how many rows the source has, the ledger says were read, the destination has, and issues name. Each
// number by SQL of the verifier's own, with a turn at the source for each table; the destination's all of one snapshot.
// A side that cannot be read is an error, never a pass; destination tables of `unreadable` are left out.
absl::Status CheckCounts(sqlite::SnapshotConnection& source, postgres::Connection& destination,
                         const std::string& migration_id, const core::Plan& plan,
                         const std::set<std::string>& unreadable, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_COUNTS_H_
