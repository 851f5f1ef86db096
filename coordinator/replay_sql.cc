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

std::string OnConflict(const std::vector<NamedColumn>& columns, bool update) {
  std::vector<std::string> keys, assignments, differences;
  for (const NamedColumn& column : columns) {
    if (column.is_key) {
      keys.push_back(column.name);
      continue;
    }
    assignments.push_back(absl::StrCat(column.name, " = excluded.", column.name));
    differences.push_back(absl::StrCat("t.", column.name, " IS DISTINCT FROM excluded.", column.name));
  }
  const std::string on = absl::StrCat(" ON CONFLICT (", absl::StrJoin(keys, ", "), ") DO ");
  if (!update || assignments.empty()) return absl::StrCat(on, "NOTHING");
  return absl::StrCat(on, "UPDATE SET ", absl::StrJoin(assignments, ", "), " WHERE ",
                      absl::StrJoin(differences, " OR "));
}

}  // namespace

std::string InsertRowSql(const core::Plan& plan, const core::Mapping& mapping, bool update) {
  const std::vector<NamedColumn> columns = Name(plan, mapping);
  std::vector<std::string> names, values;
  for (const NamedColumn& column : columns) {
    names.push_back(column.name);
    values.push_back(column.value);
  }
  // xmax is 0 on a row that was inserted, and tells an updated one.
  return absl::StrCat("INSERT INTO ", Table(plan, mapping), " AS t (", absl::StrJoin(names, ", "),
                      ") OVERRIDING SYSTEM VALUE VALUES (", absl::StrJoin(values, ", "), ")",
                      OnConflict(columns, update), " RETURNING t.xmax = 0");
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
