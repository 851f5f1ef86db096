#include "verifier/planned_indexes.h"

#include <algorithm>

#include "common/base/status_macros.h"
#include "verifier/structure_compare.h"
#include "verifier/structure_expected.h"

namespace vecferry::verifier {
namespace {

using Kind = TableObject::Kind;

bool HasIndex(Kind kind) {
  return kind == Kind::kPrimaryKey || kind == Kind::kUniqueConstraint || kind == Kind::kUniqueIndex ||
         kind == Kind::kIndex;
}

void AddAsPlanned(const std::string& table, const TableState& expected, const TableState& actual,
                  std::vector<PlannedIndex>& indexes) {
  for (const TableObject& object : expected.objects) {
    const TableObject* there = HasIndex(object.kind) ? FindSame(actual, object) : nullptr;
    if (there != nullptr) indexes.push_back({table, object.name, there->name});
  }
}

void AddByName(const core::Plan& plan, const std::string& table, const TableState& actual, bool indexes_wanted,
               std::vector<PlannedIndex>& indexes) {
  for (const core::FinishStep& step : plan.steps) {
    const bool index = step.kind == core::StepKind::kIndex || step.kind == core::StepKind::kConstraint;
    if (!index || step.table != table || !IsWanted(step, indexes_wanted)) continue;
    const bool valid = std::any_of(actual.indexes.begin(), actual.indexes.end(),
                                   [&](const IndexKey& key) { return key.name == step.name && key.valid; });
    if (valid) indexes.push_back({table, step.name, step.name});
  }
}

absl::StatusOr<std::vector<PlannedIndex>> Find(postgres::Connection& session, const core::Plan& plan,
                                               bool indexes_wanted, const std::vector<std::string>& tables) {
  std::vector<PlannedIndex> indexes;
  ASSIGN_OR_RETURN(const Namespace schema, FindSchema(session, plan.identity.destination_schema));
  ASSIGN_OR_RETURN(const std::string extension_schema, FindExtensionSchema(session));
  const TemporarySql names(plan, extension_schema.empty() ? plan.extension_schema : extension_schema);
  ASSIGN_OR_RETURN(const std::string why_not, WhyNoTemporaryTables(session));
  if (why_not.empty()) RETURN_IF_ERROR(MakeFunctions(session, plan, names).status());
  for (std::size_t begin = 0; begin < tables.size(); begin += kTablesAtOnce) {
    const std::size_t end = std::min(begin + kTablesAtOnce, tables.size());
    const std::vector<std::string> group(tables.begin() + static_cast<std::ptrdiff_t>(begin),
                                         tables.begin() + static_cast<std::ptrdiff_t>(end));
    ExpectedTables expected;
    if (why_not.empty()) {
      ASSIGN_OR_RETURN(expected, ExpectTables(session, plan, names, schema, group, indexes_wanted));
    }
    ASSIGN_OR_RETURN(TableStates actual, ReadTables(session, schema, group));
    for (const std::string& table : group) {
      if (why_not.empty()) {
        AddAsPlanned(table, expected.tables[table], actual[table], indexes);
      } else {
        AddByName(plan, table, actual[table], indexes_wanted, indexes);
      }
    }
  }
  return indexes;
}

}  // namespace

absl::StatusOr<std::vector<PlannedIndex>> FindPlannedIndexes(postgres::Connection& session, const core::Plan& plan,
                                                             bool indexes_wanted,
                                                             const std::set<std::string>& unreadable) {
  std::vector<std::string> tables;
  for (const core::Table& table : plan.tables) {
    if (!table.existed && unreadable.count(table.name) == 0) tables.push_back(table.name);
  }
  const absl::Status begun = BeginComparison(session);
  absl::StatusOr<std::vector<PlannedIndex>> indexes = std::vector<PlannedIndex>();
  if (begun.ok()) indexes = Find(session, plan, indexes_wanted, tables);
  if (session.in_transaction()) {
    const absl::Status ended = session.ExecuteScript("ROLLBACK");
    if (begun.ok() && indexes.ok() && !ended.ok()) return ended;
  }
  if (!begun.ok()) return begun;
  return indexes;
}

}  // namespace vecferry::verifier
