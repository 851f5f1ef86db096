#ifndef VECFERRY_TESTS_SUPPORT_DRAW_PLAN_H_
#define VECFERRY_TESTS_SUPPORT_DRAW_PLAN_H_

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "common/base/status_macros.h"
#include "common/profile/profile.h"
#include "common/sqlite/schema.h"
#include "tests/support/sqlite_file.h"

namespace vecferry::testing {

inline core::Identity MakeIdentity(const SqliteFile& file, const std::string& profile = "auto") {
  core::Identity identity;
  identity.source_path = file.path();
  identity.destination_schema = "mem";
  identity.profile = profile;
  return identity;
}

// The plan for a store that a test wrote.
inline absl::StatusOr<core::Plan> DrawPlan(const SqliteFile& file, const core::Identity& identity,
                                           const postgres::Catalog* destination = nullptr) {
  ASSIGN_OR_RETURN(sqlite::Database source, sqlite::Database::Open(file.path(), false));
  ASSIGN_OR_RETURN(const sqlite::SourceSchema schema, sqlite::ReadSchema(source));
  return profile::MakePlan({source, schema, identity, destination});
}

inline const core::Mapping* FindMapping(const core::Plan& plan, const std::string& source,
                                        const std::string& destination) {
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.source_table == source && mapping.destination_table == destination) return &mapping;
  }
  return nullptr;
}

inline const core::Column* FindColumn(const core::Mapping& mapping, const std::string& name) {
  for (const core::Column& column : mapping.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

// Type of a destination column as plans name it; "" when there is no such column.
inline std::string TypeOf(const core::Plan& plan, const std::string& table, const std::string& column) {
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.destination_table != table) continue;
    const core::Column* found = FindColumn(mapping, column);
    if (found != nullptr) return core::ToString(found->type);
  }
  return "";
}

inline const core::FinishStep* FindStep(const core::Plan& plan, core::StepKind kind, const std::string& name) {
  for (const core::FinishStep& step : plan.steps) {
    if (step.kind == kind && step.name == name) return &step;
  }
  return nullptr;
}

inline bool HasNote(const core::Plan& plan, const std::string& part) {
  return std::any_of(plan.notes.begin(), plan.notes.end(),
                     [&](const std::string& note) { return absl::StrContains(note, part); });
}

// Source columns, "table.column", that no mapping reads although their table is not left out.
inline std::set<std::string> ForgottenColumns(SqliteFile& file, const core::Plan& plan) {
  std::set<std::string> forgotten;
  for (const std::string& name :
       file.Query("SELECT m.name || '.' || x.name FROM sqlite_master m, pragma_table_xinfo(m.name) x WHERE m.type IN "
                  "('table', 'view')")) {
    forgotten.insert(name);
  }
  for (const core::Mapping& mapping : plan.mappings) {
    for (const core::Input& input : mapping.inputs) forgotten.erase(mapping.source_table + "." + input.source_column);
  }
  for (const core::LeftOut& left : plan.left_out) {
    for (auto it = forgotten.begin(); it != forgotten.end();) {
      it = absl::StartsWith(*it, left.name + ".") ? forgotten.erase(it) : std::next(it);
    }
  }
  return forgotten;
}

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_DRAW_PLAN_H_
