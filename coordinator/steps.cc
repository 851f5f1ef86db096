#include "coordinator/steps.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::coordinator {
namespace {

absl::string_view Word(core::StepKind kind) {
  switch (kind) {
    case core::StepKind::kSql: return "statement";
    case core::StepKind::kConstraint: return "constraint";
    case core::StepKind::kIndex: return "index";
    case core::StepKind::kForeignKey: return "foreign key";
    case core::StepKind::kSequence: return "sequence of column";
    case core::StepKind::kTrigger: return "trigger";
    case core::StepKind::kAnalyze: return "statistics";
  }
  return "step";
}

absl::StatusOr<bool> IndexIsDone(postgres::Connection& session, absl::string_view schema, const core::FinishStep& step,
                                 const std::string& table) {
  ASSIGN_OR_RETURN(const postgres::Result found,
                   session.Execute("SELECT i.indisvalid, i.indrelid = $2::regclass FROM pg_class c"
                                   " JOIN pg_index i ON i.indexrelid = c.oid"
                                   " WHERE c.relname = $1 AND c.relnamespace = quote_ident($3)::regnamespace",
                                   {step.name, table, std::string(schema)}));
  if (found.rows() == 0) return false;
  if (!found.truth(0, 1)) {
    return absl::FailedPreconditionError(absl::StrCat("an index named ", core::QuoteIdentifier(step.name),
                                                      " exists on another table than ", table,
                                                      ": rename it, then run the same command again"));
  }
  if (found.truth(0, 0)) return true;
  RETURN_IF_ERROR(session.ExecuteScript(absl::StrCat("DROP INDEX ", core::QualifiedName(schema, step.name))));
  return false;
}

}  // namespace

std::string DescribeStep(const core::FinishStep& step) {
  return absl::StrCat(Word(step.kind), step.name.empty() ? "" : " ",
                      step.name.empty() ? "" : core::QuoteIdentifier(step.name), step.table.empty() ? "" : " on ",
                      step.table.empty() ? "" : core::QuoteIdentifier(step.table));
}

bool ChangesTable(const core::FinishStep& step) {
  return step.kind == core::StepKind::kConstraint || step.kind == core::StepKind::kIndex ||
         step.kind == core::StepKind::kForeignKey || step.kind == core::StepKind::kTrigger;
}

std::string LockTables(absl::string_view schema, const core::FinishStep& step) {
  std::string sql = absl::StrCat("LOCK TABLE ", core::QualifiedName(schema, step.table));
  if (step.kind == core::StepKind::kForeignKey && step.parent_table != step.table) {
    absl::StrAppend(&sql, ", ", core::QualifiedName(schema, step.parent_table));
  }
  return absl::StrCat(sql, " IN SHARE ROW EXCLUSIVE MODE");
}

absl::StatusOr<bool> IsDone(postgres::Connection& session, absl::string_view schema, const core::FinishStep& step) {
  const std::string table = core::QualifiedName(schema, step.table);
  if (step.kind == core::StepKind::kIndex) return IndexIsDone(session, schema, step, table);
  const std::string sql =
      step.kind == core::StepKind::kTrigger
          ? "SELECT FROM pg_trigger WHERE tgrelid = $1::regclass AND tgname = $2 AND NOT tgisinternal"
          : "SELECT FROM pg_constraint WHERE conrelid = $1::regclass AND conname = $2 AND convalidated";
  ASSIGN_OR_RETURN(const postgres::Result found, session.Execute(sql, {table, step.name}));
  return found.rows() > 0;
}

}  // namespace vecferry::coordinator
