#include "cli/repair_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/replay.h"
#include "common/core/types.h"
#include "coordinator/identity.h"

namespace vecferry::cli {
namespace {

bool HasCheck(const core::Report& report, absl::string_view name, absl::string_view verdict) {
  return std::any_of(report.checks.begin(), report.checks.end(),
                     [&](const core::CheckReport& one) { return one.name == name && one.verdict == verdict; });
}

// Rows of any migration into the schema that are not as their source has them, on purpose. A later copy that took the
// source's rows of the same tables has undone it. What the rules of conversion reject is rejected again.
constexpr char kDecidedSql[] = R"(
    SELECT count(*) FILTER (WHERE i.action = 'skipped'), count(*) FILTER (WHERE i.action = 'replayed'),
           count(*) FILTER (WHERE i.action = 'rejected')
    FROM vecferry.row_issue i JOIN vecferry.migration m ON m.id = i.migration_id
    WHERE m.destination_schema = $1 AND m.state <> 'DROPPED'
      AND NOT EXISTS (SELECT FROM vecferry.migration later WHERE later.destination_schema = $1 AND later.ended
                      AND later.state <> 'DROPPED' AND later.started_at > m.started_at
                      AND later.identity::jsonb ->> 'on_conflict' = 'update'
                      AND later.identity::jsonb - 'on_conflict' = m.identity::jsonb - 'on_conflict')
      AND (i.action = 'skipped' AND m.identity::jsonb ->> 'on_conflict' <> 'update'
           OR i.action = 'replayed' AND pg_catalog.strpos(i.reason, $2) > 0
           OR i.action = 'rejected' AND (i.raw_format IN ('copy-tuple', '') OR i.kind IN ('foreign_key', 'waiting',
              'conflict'))))";

absl::Status CheckNothingDecided(const std::string& schema, postgres::Connection& session) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (!exists) return absl::OkStatus();
  ASSIGN_OR_RETURN(const postgres::Result decided,
                   session.Execute(kDecidedSql, {schema, std::string(core::kCarriedWithAnother)}));
  const std::int64_t kept = decided.integer(0, 0), replayed = decided.integer(0, 1), rejected = decided.integer(0, 2);
  if (kept + replayed + rejected == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("of ", kept, " conflicting rows the destination's were kept, ", replayed,
                   " rejected rows were carried with other values, and ", rejected,
                   " are still rejected (vecferry.issues); a repair would try the source's for all of them, and what "
                   "stands under their keys was not compared. If that is wanted: vecferry migrate copy --on-conflict "
                   "update"));
}

// A trigger that changes rows as they come makes equal rows differ, or leaves other values than the source's.
absl::Status CheckNoTriggers(const core::Plan& plan, postgres::Connection& session) {
  std::set<std::string> tables;
  for (const core::Mapping& mapping : plan.mappings) tables.insert(mapping.destination_table);
  for (const std::string& table : tables) {
    ASSIGN_OR_RETURN(
        const postgres::Result found,
        session.Execute("SELECT t.tgname FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
                        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = "
                        "$2 AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 2 = 2 AND t.tgtype & 20 <> 0 "
                        "ORDER BY 1 LIMIT 1",
                        {plan.identity.destination_schema, table}));
    if (found.rows() == 0) continue;
    const std::string name = core::QuoteIdentifier(found.text(0, 0));
    const std::string qualified = core::QualifiedName(plan.identity.destination_schema, table);
    return absl::FailedPreconditionError(
        absl::StrCat("trigger ", name, " of ", qualified, " may change rows as they are written: ALTER TABLE ",
                     qualified, " DISABLE TRIGGER ", name, ", repair, then ENABLE TRIGGER ", name));
  }
  return absl::OkStatus();
}

}  // namespace

bool MayLackRows(const core::Report& report) {
  return HasRowsToCarry(report) || HasCheck(report, "rows_equal", "skipped");
}

bool HasRowsToCarry(const core::Report& report) {
  const bool named =
      std::any_of(report.differences.begin(), report.differences.end(),
                  [](const core::DifferenceReport& one) { return one.kind == "missing" || one.kind == "differing"; });
  return HasCheck(report, "rows_equal", "fail") && (named || report.differences_more > 0);
}

absl::Status CheckRepairable(const core::Report& report, bool source_changed, const core::Plan& plan,
                             postgres::Connection& session) {
  if (HasCheck(report, "rows_equal", "skipped")) {
    return absl::FailedPreconditionError(
        "a table is not there, or its structure does not let its rows be compared, and none is written that was not "
        "told: mend that table first");
  }
  if (source_changed && HasCheck(report, "rows_read", "fail")) {
    return absl::FailedPreconditionError(
        "the source has other rows than it had when it was copied; its present ones come by: vecferry migrate copy "
        "--on-conflict update");
  }
  if (HasCheck(report, "refusals_hold", "fail") || HasCheck(report, "refusals_hold", "skipped")) {
    return absl::FailedPreconditionError(
        absl::StrCat("rejected rows may be carried now; first do that: vecferry rejects replay ", report.migration_id));
  }
  RETURN_IF_ERROR(CheckNothingDecided(plan.identity.destination_schema, session));
  return CheckNoTriggers(plan, session);
}

bool IsRepair(const postgres::MigrationRow& row) {
  const absl::StatusOr<rpc::StartOptions> options = coordinator::ParseOptions(row.options);
  return options.ok() && options->no_indexes && options->no_verify &&
         absl::StrContains(row.identity, R"("on_conflict":"update")");
}

absl::StatusOr<std::optional<postgres::MigrationRow>> FindCutOffRepair(const core::Identity& identity,
                                                                       postgres::Connection& session) {
  ASSIGN_OR_RETURN(const bool exists, postgres::LedgerExists(session));
  if (!exists) return std::nullopt;
  ASSIGN_OR_RETURN(std::optional<postgres::MigrationRow> row,
                   postgres::FindUnfinished(session, coordinator::IdentityText(identity)));
  if (!row || IsRepair(*row)) return row;
  return absl::FailedPreconditionError(absl::StrCat("migration ", row->id, " of the same rows is ",
                                                    core::ToString(row->state),
                                                    ": finish it by its own copy command before a repair"));
}

absl::Status LeaveRepairsOut(const std::string& conninfo, std::vector<core::Report>& reports) {
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = conninfo}));
  ASSIGN_OR_RETURN(const std::vector<postgres::MigrationRow> rows, postgres::ListMigrations(session));
  for (const postgres::MigrationRow& row : rows) {
    if (!IsRepair(row)) continue;
    std::erase_if(reports, [&](const core::Report& report) { return report.migration_id == row.id; });
  }
  return absl::OkStatus();
}

std::string FormatRepaired(const core::Report& repaired) {
  std::string text = absl::StrCat("vecferry: rows carried again: ", repaired.totals.inserted, " that were missing, ",
                                  repaired.totals.updated, " that differed");
  if (repaired.totals.rejected > 0) {
    absl::StrAppend(&text, "; ", repaired.totals.rejected, " were refused: vecferry rejects list ",
                    repaired.migration_id);
  }
  return text + "; verifying again\n";
}

}  // namespace vecferry::cli
