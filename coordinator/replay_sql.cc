#include "coordinator/replay_sql.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/core/types.h"

namespace vecferry::coordinator {
namespace {

struct NamedColumn {
  std::string name;   // quoted
  std::string value;  // its parameter, of the type that the field has
  bool is_key = false;
};

std::vector<NamedColumn> Name(const core::Plan& plan, const core::Mapping& mapping) {
  std::vector<NamedColumn> named;
  for (const core::Column& column : mapping.columns) {
    const auto& key = mapping.conflict_key;
    named.push_back({core::QuoteIdentifier(column.name),
                     absl::StrCat("$", named.size() + 1, "::", core::ToSql(column.type, plan.extension_schema)),
                     std::find(key.begin(), key.end(), column.name) != key.end()});
  }
  return named;
}

std::string Table(const core::Plan& plan, const core::Mapping& mapping) {
  return core::QualifiedName(plan.identity.destination_schema, mapping.destination_table);
}

}  // namespace

std::string InsertRowSql(const core::Plan& plan, const core::Mapping& mapping) {
  std::vector<std::string> names, values, keys;
  for (const NamedColumn& column : Name(plan, mapping)) {
    names.push_back(column.name);
    values.push_back(column.value);
    if (column.is_key) keys.push_back(column.name);
  }
  return absl::StrCat("INSERT INTO ", Table(plan, mapping), " (", absl::StrJoin(names, ", "),
                      ") OVERRIDING SYSTEM VALUE VALUES (", absl::StrJoin(values, ", "), ") ON CONFLICT (",
                      absl::StrJoin(keys, ", "), ") DO NOTHING RETURNING true");
}

std::string CompareRowSql(const core::Plan& plan, const core::Mapping& mapping) {
  std::vector<std::string> keys, differences = {"NULL"};
  for (const NamedColumn& column : Name(plan, mapping)) {
    if (column.is_key) {
      keys.push_back(absl::StrCat("t.", column.name, " = ", column.value));
    } else {
      differences.push_back(absl::StrCat("CASE WHEN t.", column.name, " IS DISTINCT FROM ", column.value, " THEN ",
                                         core::QuoteLiteral(column.name), " END"));
    }
  }
  return absl::StrCat("SELECT concat_ws(', ', ", absl::StrJoin(differences, ", "), ") FROM ", Table(plan, mapping),
                      " t WHERE ", absl::StrJoin(keys, " AND "));
}

}  // namespace vecferry::coordinator
