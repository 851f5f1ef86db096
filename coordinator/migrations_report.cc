#include "coordinator/migrations_report.h"

#include "common/base/status_macros.h"
#include "common/rpc/plan_codec.h"

namespace vecferry::coordinator {

absl::StatusOr<core::Report> ReadReport(postgres::Connection& session, const std::string& conninfo,
                                  const postgres::MigrationRow& row) {
  ASSIGN_OR_RETURN(const core::Plan plan, rpc::ParsePlan(row.plan));
  ASSIGN_OR_RETURN(core::Report report, postgres::LoadReport(session, row, plan));
  report.destination_url = postgres::MaskConninfo(conninfo);
  return report;
}

absl::Status NeedLedger(postgres::Connection& session) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (exists) return absl::OkStatus();
  return absl::NotFoundError("the destination database holds no migration yet");
}

}  // namespace vecferry::coordinator
