#ifndef VECFERRY_COORDINATOR_DESTINATION_H_
#define VECFERRY_COORDINATOR_DESTINATION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/core/plan.h"
#include "common/postgres/catalog.h"
#include "common/postgres/connection.h"

namespace vecferry::coordinator {

// What the coordinator does to the destination's tables as wholes. Functions over a session, no state of their own.

// The search_path that a plan's statements are written for: the destination schema, then the extension's.
std::string SearchPath(const core::Plan& plan);

// `status` with what was done and the statement on one line in front, so that people can look at it.
absl::Status NameStatement(const absl::Status& status, absl::string_view what, absl::string_view sql);

// Inside a transaction: schema and extension where absent, the plan's functions, each table that does not exist yet
// (marked as loading, granted to nobody, its oid noted in the plan), and the profile's own rows.
absl::Status MakeTables(postgres::Connection& session, const postgres::Catalog& catalog, core::Plan& plan);

// kFailedPrecondition: a table of the plan is gone, or is no longer the one that the migration made.
absl::Status CheckTables(postgres::Connection& session, const core::Plan& plan);

// Inside a transaction: takes the loading mark from the tables that the migration made, and grants what the owner's
// default privileges say for a new table.
absl::Status OpenTables(postgres::Connection& session, const core::Plan& plan);

// Inside a transaction: drops the tables that the migration made, and no others.
absl::Status DropTables(postgres::Connection& session, const core::Plan& plan);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_DESTINATION_H_
