#include "coordinator/finish.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"
#include "coordinator/build_settings.h"
#include "coordinator/destination.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/orphans.h"
#include "coordinator/sequences.h"
#include "coordinator/steps.h"
#include "coordinator/waiting_rows.h"

namespace vecferry::coordinator {
namespace {

const core::Table* FindTable(const core::Plan& plan, const std::string& name) {
  const auto found = std::find_if(plan.tables.begin(), plan.tables.end(),
                                  [&](const core::Table& table) { return table.name == name; });
  return found == plan.tables.end() ? nullptr : &*found;
}

// Keys, indexes and triggers of a table that existed stay as they are.
bool LeftOut(const FinishContext& context, const core::FinishStep& step) {
  if (step.optional && context.no_indexes) return true;
  const core::Table* table = FindTable(context.plan, step.table);
  return ChangesTable(step) && table != nullptr && table->existed;
}

absl::Status RunStatement(const FinishContext& context, const core::FinishStep& step, const std::string& what) {
  const std::string table = core::QualifiedName(context.plan.identity.destination_schema, step.table);
  if (step.kind == core::StepKind::kSequence) return AdvanceSequence(context.session, table, step);
  const std::string sql = step.kind == core::StepKind::kAnalyze ? absl::StrCat("ANALYZE ", table) : step.sql;
  return NameStatement(context.session.ExecuteScript(sql), what, sql);
}

// One step in one transaction, so that a killed one leaves nothing behind.
absl::Status RunStep(const FinishContext& context, const core::FinishStep& step) {
  const std::string what = DescribeStep(step);
  bool skipped = false;
  const absl::Time begin = absl::Now();
  RETURN_IF_ERROR(postgres::InTransaction(context.session, [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckEpoch(context.session, context.migration_id, context.coordinator_epoch));
    if (ChangesTable(step)) {
      const std::string lock = LockTables(context.plan.identity.destination_schema, step);
      RETURN_IF_ERROR(NameStatement(context.session.ExecuteScript(lock), what, lock));
      ASSIGN_OR_RETURN(skipped, IsDone(context.session, context.plan.identity.destination_schema, step));
      if (skipped) return absl::OkStatus();
    }
    return RunStatement(context, step, what);
  }));
  if (skipped || step.kind != core::StepKind::kIndex) return absl::OkStatus();
  return postgres::RecordIndex(context.session, context.migration_id,
                               {step.table, step.name, step.sql, absl::ToDoubleSeconds(absl::Now() - begin)});
}

// A text that came since the plan was made, or a value that grows in its type.
absl::Status NameWayOut(const absl::Status& status, const core::FinishStep& step) {
  const std::optional<postgres::SqlError> error = postgres::GetSqlError(status);
  if (!step.optional || !error || error->sqlstate != "54000") return status;
  return absl::Status(status.code(), absl::StrCat(status.message(),
                                                  "; run the same command with --no-indexes to do "
                                                  "without it"));
}

// A parallel build keeps its graph in shared memory; a container with a small /dev/shm has none for it.
absl::Status RunIndexStep(const FinishContext& context, const core::FinishStep& step) {
  RETURN_IF_ERROR(ApplyBuildSettings(context.session, context.plan, step, Parallel::kYes));
  const absl::Status built = RunStep(context, step);
  if (!absl::IsResourceExhausted(built) || context.stopping()) return NameWayOut(built, step);
  RETURN_IF_ERROR(ApplyBuildSettings(context.session, context.plan, step, Parallel::kNo));
  return RunStep(context, step);
}

absl::Status RemoveOrphansBefore(const FinishContext& context, const core::FinishStep& step, bool& removed) {
  if (step.kind != core::StepKind::kForeignKey || removed) return absl::OkStatus();
  context.on_step("looking for rows without their parent");
  RETURN_IF_ERROR(RemoveOrphans(context));
  removed = true;
  return absl::OkStatus();
}

}  // namespace

absl::Status Finish(const FinishContext& context) {
  RETURN_IF_ERROR(CarryWaitingRows(context));
  bool orphans_removed = false;
  for (const core::FinishStep& step : context.plan.steps) {
    if (LeftOut(context, step)) continue;
    if (context.stopping()) return absl::CancelledError("stopped before the next finish step");
    base::FaultPoint("coordinator.in_finish");
    RETURN_IF_ERROR(RemoveOrphansBefore(context, step, orphans_removed));
    context.on_step(DescribeStep(step));
    RETURN_IF_ERROR(step.kind == core::StepKind::kIndex ? RunIndexStep(context, step) : RunStep(context, step));
    base::FaultPoint("coordinator.after_step");
  }
  context.on_step("");
  return postgres::InTransaction(context.session, [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckEpoch(context.session, context.migration_id, context.coordinator_epoch));
    return OpenTables(context.session, context.plan);
  });
}

}  // namespace vecferry::coordinator
