#ifndef VECFERRY_VERIFIER_CONTENTS_H_
#define VECFERRY_VERIFIER_CONTENTS_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::verifier {

struct ContentsInput {
  sqlite::SnapshotConnection& source;
  // At least one. All read one snapshot of the destination; the first also asks the catalogs and the ledger.
  std::vector<postgres::Connection>& sessions;
  const core::Plan& plan;
  std::string migration_id;                 // "" = nothing of it stands in a ledger
  const std::set<std::string>& unreadable;  // destination tables whose rows cannot be compared
  const std::function<bool()>& stopping;    // asked now and then: true ends it with kCancelled
};

// Level `full`: every row of every mapped table, value by value in canonical form (canonical.h, comparison.h): check
// `rows_equal`; with a ledger also `issues_recorded`, `refusals_hold` and `values_rounded`. Sessions are left outside a
// transaction. Adds to `different` the tables whose rows differ. A side that cannot be read is an error.
absl::Status CheckContents(const ContentsInput& input, std::set<std::string>& different, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_CONTENTS_H_
