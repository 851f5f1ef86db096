#include "verifier/structure_expected.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"

namespace vecferry::verifier {
namespace {

using core::StepKind;

struct Statement {
  RefusedStatement about;  // without its error
  std::string sql;         // on temporary tables
};

std::string SearchPlan(const core::Plan& plan, const std::string& extension_schema) {
  return absl::StrCat("SET LOCAL search_path TO ", core::QuoteIdentifier(plan.identity.destination_schema), ", ",
                      core::QuoteIdentifier(extension_schema), ", pg_temp");
}

std::string ColumnList(const std::vector<std::string>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const std::string& column) {
    absl::StrAppend(out, core::QuoteIdentifier(column));
  });
}

class Making {
 public:
  Making(const core::Plan& plan, const TemporarySql& names, const std::vector<std::string>& group, bool indexes_wanted)
      : plan_(plan), names_(names), group_(group.begin(), group.end()), indexes_wanted_(indexes_wanted) {
    const std::vector<std::string> all = WithParents(plan, group);
    tables_.insert(all.begin(), all.end());
  }

  std::vector<Statement> Write() {
    for (const core::Table& table : plan_.tables) {
      if (tables_.count(table.name) != 0) AddTable(table);
    }
    for (const core::FinishStep& step : plan_.steps) {
      if (tables_.count(step.table) != 0 && !step.sql.empty()) AddStep(step);
    }
    return std::move(statements_);
  }

 private:
  void AddTable(const core::Table& table) {
    if (table.existed) {
      // In its place: a temporary table cannot refer to another one.
      Add({StepKind::kSql, table.name},
          absl::StrCat("CREATE TABLE ", TemporarySql::Name(table.name), " (LIKE ",
                       core::QualifiedName(plan_.identity.destination_schema, table.name), ")"));
      return;
    }
    Add({StepKind::kSql, table.name, "", table.create_sql}, names_.Rewrite(table.create_sql));
    for (const std::string& seed : plan_.seed_sql) {
      const std::string sql = names_.RewriteSeed(seed, table.name);
      if (!sql.empty()) Add({StepKind::kSql, table.name, "", seed}, sql);
    }
  }

  void AddStep(const core::FinishStep& step) {
    const core::Table* table = FindTable(plan_, step.table);
    if (table == nullptr || table->existed || !IsWanted(step, indexes_wanted_)) return;
    // Of tables that are only referred to, the keys.
    const bool key = step.kind == StepKind::kConstraint || (step.kind == StepKind::kIndex && !step.optional);
    if (group_.count(step.table) == 0 && !key) return;
    const core::Table* parent = step.kind == StepKind::kForeignKey ? FindTable(plan_, step.parent_table) : nullptr;
    if (parent != nullptr && parent->existed) {
      Add({StepKind::kSql, parent->name}, absl::StrCat("ALTER TABLE ", TemporarySql::Name(parent->name),
                                                       " ADD UNIQUE (", ColumnList(step.parent_columns), ")"));
    }
    Add({step.kind,
         step.table,
         step.name,
         step.sql,
         "",
         {step.columns.begin(), step.columns.end()},
         step.parent_table,
         {step.parent_columns.begin(), step.parent_columns.end()}},
        names_.Rewrite(step.sql));
  }

  void Add(RefusedStatement about, std::string sql) { statements_.push_back({std::move(about), std::move(sql)}); }

  const core::Plan& plan_;
  const TemporarySql& names_;
  const std::set<std::string> group_;
  const bool indexes_wanted_;
  std::set<std::string> tables_;
  std::vector<Statement> statements_;
};

// Runs all in one round trip, or, when one is refused, each by itself. `setting` is run before.
absl::StatusOr<std::vector<RefusedStatement>> Run(postgres::Connection& session, const std::string& setting,
                                                  std::vector<Statement> statements) {
  std::vector<RefusedStatement> refused;
  std::string script = setting;
  for (const Statement& statement : statements) absl::StrAppend(&script, ";\n", statement.sql);
  const absl::Status all = session.ExecuteScript(absl::StrCat("SAVEPOINT making; ", script, "; RELEASE making"));
  if (all.ok()) return refused;
  if (!IsAnswer(all)) return all;
  RETURN_IF_ERROR(session.ExecuteScript(absl::StrCat("ROLLBACK TO making; RELEASE making; ", setting)));
  for (Statement& statement : statements) {
    const absl::Status one =
        session.ExecuteScript(absl::StrCat("SAVEPOINT making; ", statement.sql, "; RELEASE making"));
    if (one.ok()) continue;
    if (!IsAnswer(one)) return one;
    RETURN_IF_ERROR(session.ExecuteScript("ROLLBACK TO making; RELEASE making"));
    statement.about.error = std::string(one.message());
    refused.push_back(std::move(statement.about));
  }
  return refused;
}

}  // namespace

bool IsAnswer(const absl::Status& status) {
  const std::optional<postgres::SqlError> error = postgres::GetSqlError(status);
  // A syntax error is no state of the destination, but a mistake in what was asked.
  return error && error->sqlstate != "42601" && !absl::IsUnavailable(status) && !absl::IsAborted(status) &&
         !absl::IsCancelled(status) && !absl::IsResourceExhausted(status) && !absl::IsPermissionDenied(status);
}

bool IsWanted(const core::FinishStep& step, bool indexes_wanted) { return indexes_wanted || !step.optional; }

const core::Table* FindTable(const core::Plan& plan, const std::string& name) {
  const auto found = std::find_if(plan.tables.begin(), plan.tables.end(),
                                  [&](const core::Table& table) { return table.name == name; });
  return found == plan.tables.end() ? nullptr : &*found;
}

std::vector<std::string> WithParents(const core::Plan& plan, const std::vector<std::string>& tables) {
  std::vector<std::string> all = tables;
  std::set<std::string> seen(tables.begin(), tables.end());
  const std::set<std::string> group = seen;
  for (const core::FinishStep& step : plan.steps) {
    if (step.kind != StepKind::kForeignKey || group.count(step.table) == 0) continue;
    if (seen.insert(step.parent_table).second) all.push_back(step.parent_table);
  }
  return all;
}

absl::Status SearchCatalogs(postgres::Connection& session) {
  return session.ExecuteScript("SET LOCAL search_path TO pg_catalog, pg_temp");
}

absl::Status BeginComparison(postgres::Connection& session) {
  const absl::Status begun = session.ExecuteScript("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
  if (!begun.ok()) {
    // A standby refuses the words alone.
    if (!IsAnswer(begun)) return begun;
    RETURN_IF_ERROR(session.ExecuteScript("ROLLBACK; BEGIN ISOLATION LEVEL READ COMMITTED"));
  }
  // An index that is made on no rows is a notice to pgvector.
  RETURN_IF_ERROR(session.ExecuteScript("SET LOCAL client_min_messages TO error"));
  return SearchCatalogs(session);
}

absl::StatusOr<std::string> WhyNoTemporaryTables(postgres::Connection& session) {
  ASSIGN_OR_RETURN(
      const postgres::Result rights,
      session.Execute("SELECT pg_is_in_recovery(), has_database_privilege(current_database(), 'TEMPORARY'), "
                      "quote_ident(current_database()), quote_ident(current_user)"));
  if (rights.truth(0, 0)) return std::string("the server is a standby, which is read-only: verify at the primary");
  if (!rights.truth(0, 1)) {
    return absl::StrCat("the role may not make temporary tables: GRANT TEMPORARY ON DATABASE ", rights.text(0, 2),
                        " TO ", rights.text(0, 3));
  }
  // Whatever else may forbid it, such as a server that takes no changes at all.
  const absl::Status tried = session.ExecuteScript(
      "SAVEPOINT trying; CREATE TABLE pg_temp.vecferry_trying (); ROLLBACK TO trying; "
      "RELEASE trying");
  if (tried.ok()) return std::string();
  if (!IsAnswer(tried) && !absl::IsPermissionDenied(tried)) return tried;
  RETURN_IF_ERROR(session.ExecuteScript("ROLLBACK TO trying; RELEASE trying"));
  return absl::StrCat("temporary tables cannot be made (", tried.message(),
                      "): verify with a role and at a server that allow CREATE TEMPORARY TABLE");
}

absl::StatusOr<std::string> FindExtensionSchema(postgres::Connection& session) {
  ASSIGN_OR_RETURN(const postgres::Result found,
                   session.Execute("SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n "
                                   "ON n.oid = e.extnamespace WHERE e.extname = 'vector'"));
  return found.rows() == 0 ? std::string() : std::string(found.text(0, 0));
}

absl::StatusOr<std::vector<RefusedStatement>> MakeFunctions(postgres::Connection& session, const core::Plan& plan,
                                                            const TemporarySql& names) {
  std::vector<Statement> statements;
  for (const std::string& sql : plan.setup_sql) {
    statements.push_back({{StepKind::kSql, "", "", sql}, names.Rewrite(sql)});
  }
  ASSIGN_OR_RETURN(std::vector<RefusedStatement> refused,
                   Run(session, SearchPlan(plan, names.extension_schema()), std::move(statements)));
  RETURN_IF_ERROR(SearchCatalogs(session));
  return refused;
}

absl::StatusOr<ExpectedTables> ExpectTables(postgres::Connection& session, const core::Plan& plan,
                                            const TemporarySql& names, const Namespace& destination,
                                            const std::vector<std::string>& group, bool indexes_wanted) {
  ExpectedTables expected;
  RETURN_IF_ERROR(session.ExecuteScript("SAVEPOINT expected"));
  ASSIGN_OR_RETURN(expected.refused, Run(session, SearchPlan(plan, names.extension_schema()),
                                         Making(plan, names, group, indexes_wanted).Write()));
  RETURN_IF_ERROR(SearchCatalogs(session));
  ASSIGN_OR_RETURN(const Namespace temporary, FindTemporary(session, destination));
  ASSIGN_OR_RETURN(expected.tables, ReadTables(session, temporary, WithParents(plan, group)));
  // Locks end with it too.
  RETURN_IF_ERROR(session.ExecuteScript("ROLLBACK TO expected; RELEASE expected"));
  return expected;
}

}  // namespace vecferry::verifier
