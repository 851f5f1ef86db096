#ifndef VECFERRY_VERIFIER_STRUCTURE_EXPECTED_H_
#define VECFERRY_VERIFIER_STRUCTURE_EXPECTED_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "verifier/structure_catalog.h"
#include "verifier/structure_sql.h"

namespace vecferry::verifier {

// How many tables are made at once: each takes some ten locks, and a server's lock table has a few thousand.
inline constexpr std::size_t kTablesAtOnce = 50;

// A statement of the plan that Postgres does not take any more.
struct RefusedStatement {
  core::StepKind kind = core::StepKind::kSql;  // kSql: of the table itself
  std::string table, name, sql, error;
  std::set<std::string> columns;  // of the step
  std::string parent;             // kForeignKey
  std::set<std::string> parent_columns;
};

struct ExpectedTables {
  TableStates tables;  // of the group, and with columns and keys those that its foreign keys refer to
  std::vector<RefusedStatement> refused;
};

// Whether a check can be told as an answer of Postgres; false: the checking ends with it (the connection, a lock,
// memory or a right is what fails).
bool IsAnswer(const absl::Status& status);

// Whether a step of `table` belongs to what the migration makes.
bool IsWanted(const core::FinishStep& step, bool indexes_wanted);

const core::Table* FindTable(const core::Plan& plan, const std::string& name);

// `tables` and the tables that their foreign keys refer to.
std::vector<std::string> WithParents(const core::Plan& plan, const std::vector<std::string>& tables);

// Lets searches find first what catalogs hold, and temporary tables last, so that none hides a catalog.
absl::Status SearchCatalogs(postgres::Connection& session);

// Begins the transaction in which expected tables are made; sets things for it alone. The caller rolls back.
absl::Status BeginComparison(postgres::Connection& session);

// Why this session cannot make temporary tables, with what to do; "" = it can. In a transaction.
absl::StatusOr<std::string> WhyNoTemporaryTables(postgres::Connection& session);

// Where pgvector is; "" = it is not installed.
absl::StatusOr<std::string> FindExtensionSchema(postgres::Connection& session);

// Makes the functions of setup_sql in pg_temp: generated columns and triggers need them. Returns what was refused.
absl::StatusOr<std::vector<RefusedStatement>> MakeFunctions(postgres::Connection& session, const core::Plan& plan,
                                                            const TemporarySql& names);

// What the plan's statements make of `group`: made, read, and undone again.
absl::StatusOr<ExpectedTables> ExpectTables(postgres::Connection& session, const core::Plan& plan,
                                            const TemporarySql& names, const Namespace& destination,
                                            const std::vector<std::string>& group, bool indexes_wanted);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_EXPECTED_H_
