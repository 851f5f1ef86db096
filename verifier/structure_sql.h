#ifndef VECFERRY_VERIFIER_STRUCTURE_SQL_H_
#define VECFERRY_VERIFIER_STRUCTURE_SQL_H_

#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "common/core/plan.h"

namespace vecferry::verifier {

// `sql` with every "schema"."name" that stands outside of literals replaced by what `replace` returns for the two
// (unquoted); "" = it stays.
std::string MapQualifiedNames(const std::string& sql,
                              absl::FunctionRef<std::string(const std::string&, const std::string&)> replace);

// The plan's statements made to work on temporary tables and functions of the same names. pg_temp is a schema of its
// own, so names of indexes and constraints clash with nothing.
class TemporarySql {
 public:
  // `extension_schema`: where pgvector is now.
  TemporarySql(const core::Plan& plan, std::string extension_schema);

  std::string Rewrite(const std::string& sql) const;
  // Of a seed that changes `table`'s definition, by SQL in a literal; "" = it changes rows only.
  std::string RewriteSeed(const std::string& sql, const std::string& table) const;
  const std::vector<std::string>& functions() const { return functions_; }
  const std::string& extension_schema() const { return extension_schema_; }
  static std::string Name(const std::string& name);  // pg_temp."name"

 private:
  const core::Plan& plan_;
  const std::string extension_schema_;
  std::vector<std::string> functions_;  // that setup_sql makes
  std::set<std::string> made_;          // tables and functions
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_SQL_H_
