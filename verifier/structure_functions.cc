#include "verifier/structure_functions.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "verifier/structure_compare.h"
#include "verifier/structure_expected.h"
#include "verifier/structure_tell.h"

namespace vecferry::verifier {
namespace {

// Definitions by "name(arguments)".
absl::StatusOr<std::map<std::string, std::string>> ReadFunctions(postgres::Connection& session, const Namespace& in,
                                                                 const TemporarySql& names) {
  ASSIGN_OR_RETURN(
      const postgres::Result rows,
      session.Execute("SELECT format('%I(%s)', proname, pg_catalog.pg_get_function_identity_arguments(oid)), "
                      "pg_catalog.pg_get_functiondef(oid) FROM pg_catalog.pg_proc WHERE pronamespace = $1 "
                      "AND proname = ANY ($2::pg_catalog.name[]) AND prokind = 'f'",
                      {in.oid, ArrayLiteral(names.functions())}));
  std::map<std::string, std::string> functions;
  for (int row = 0; row < rows.rows(); ++row) {
    functions[std::string(rows.text(row, 0))] = ShowNames(in, rows.text(row, 1));
  }
  return functions;
}

}  // namespace

absl::Status CheckFunctions(postgres::Connection& session, const core::Plan& plan, const TemporarySql& names,
                            const Namespace& destination, core::Findings& findings) {
  ASSIGN_OR_RETURN(const std::vector<RefusedStatement> refused, MakeFunctions(session, plan, names));
  ASSIGN_OR_RETURN(const Namespace temporary, FindTemporary(session, destination));
  ASSIGN_OR_RETURN(const auto expected, ReadFunctions(session, temporary, names));
  ASSIGN_OR_RETURN(const auto actual, ReadFunctions(session, destination, names));
  Comparison comparison;
  for (const auto& [function, definition] : expected) {
    ++comparison.compared;
    const auto there = actual.find(function);
    if (there != actual.end() && there->second == definition) continue;
    comparison.differences.push_back(
        {absl::StrCat("function ", function), "", definition, there == actual.end() ? "none" : there->second});
  }
  for (const RefusedStatement& statement : refused) {
    ++comparison.compared;
    comparison.differences.push_back(
        {"function", "", statement.sql, absl::StrCat("this server refuses the plan's statement: ", statement.error)});
  }
  return TellComparison(
      findings, "functions", "", comparison, Count("functions", comparison),
      absl::StrCat("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = to_regnamespace(",
                   core::QuoteLiteral(core::QuoteIdentifier(plan.identity.destination_schema)), ") AND proname = ANY (",
                   core::QuoteLiteral(ArrayLiteral(names.functions())), ")"));
}

}  // namespace vecferry::verifier
