#ifndef VECFERRY_VERIFIER_RECORDED_ISSUES_H_
#define VECFERRY_VERIFIER_RECORDED_ISSUES_H_

#include <string>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "common/sqlite/snapshot_connection.h"
#include "verifier/compared_table.h"
#include "verifier/refused_rows.h"

namespace vecferry::verifier {

// Whether the ledger names exactly the repairs and rejections that the rules ask for, each with the source's bytes:
// the check `issues_recorded` of the table. Rows that only Postgres refused are left to ProveClaims. Streams both sides
// as a comparison of rows (comparison.h).
absl::Status CheckRecordedIssues(sqlite::SnapshotConnection& source, postgres::Connection& session,
                                 const std::string& migration_id, const core::Plan& plan, const ComparedTable& table,
                                 const RefusedByMapping& refused, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_RECORDED_ISSUES_H_
