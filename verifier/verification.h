#ifndef VECFERRY_VERIFIER_VERIFICATION_H_
#define VECFERRY_VERIFIER_VERIFICATION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/core/verification.h"
#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::verifier {

// One verification: both sides of it, and what to look at.
struct Verification {
  sqlite::SnapshotConnection& source;
  std::vector<postgres::Connection>& sessions;  // at least one
  const core::Plan& plan;
  std::string migration_id;  // "" = nothing of it stands in a ledger
  const core::VerifyOptions& options;
  const std::function<bool()>& stopping;  // asked now and then: true ends it with kCancelled
};

// Runs all checks of the level, one kind after the other. OK: all were made, whatever they found. A side that cannot be
// read is an error, never a pass.
absl::Status Verify(const Verification& verification, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_VERIFICATION_H_
