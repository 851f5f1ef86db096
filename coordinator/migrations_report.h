#ifndef VECFERRY_COORDINATOR_MIGRATIONS_REPORT_H_
#define VECFERRY_COORDINATOR_MIGRATIONS_REPORT_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/core/report.h"
#include "common/postgres/ledger.h"

namespace vecferry::coordinator {

// A migration's report as the ledger has it. `conninfo`: of the destination.
absl::StatusOr<core::Report> ReadReport(postgres::Connection& session, const std::string& conninfo,
                                        const postgres::MigrationRow& row);

// kNotFound: the database holds no migration.
absl::Status NeedLedger(postgres::Connection& session);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_MIGRATIONS_REPORT_H_
