#include "verifier/structure.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "verifier/structure_catalog.h"
#include "verifier/structure_compare.h"
#include "verifier/structure_expected.h"
#include "verifier/structure_functions.h"
#include "verifier/structure_sequences.h"
#include "verifier/structure_sql.h"
#include "verifier/structure_tell.h"

namespace vecferry::verifier {
namespace {

using Kind = TableObject::Kind;

absl::string_view RelationWord(char relkind) {
  switch (relkind) {
    case 'r': return "an ordinary table";
    case 'p': return "a partitioned table";
    case 'v': return "a view";
    case 'm': return "a materialized view";
    case 'f': return "a foreign table";
    default: return "a relation of another kind";
  }
}

class Structure {
 public:
  Structure(postgres::Connection& session, const core::Plan& plan, bool indexes_wanted,
            std::set<std::string>& unreadable, core::Findings& findings)
      : session_(session), plan_(plan), indexes_wanted_(indexes_wanted), unreadable_(unreadable), findings_(findings) {}

  // In a transaction.
  absl::Status Run() {
    ASSIGN_OR_RETURN(schema_, FindSchema(session_, plan_.identity.destination_schema));
    ASSIGN_OR_RETURN(const std::string extension_schema, FindExtensionSchema(session_));
    RETURN_IF_ERROR(TellExtension(extension_schema));
    ASSIGN_OR_RETURN(const std::string why_not, WhyNoTemporaryTables(session_));
    if (!why_not.empty()) RETURN_IF_ERROR(TellSkipped(why_not));
    const TemporarySql names(plan_, extension_schema.empty() ? plan_.extension_schema : extension_schema);
    if (why_not.empty() && !plan_.setup_sql.empty()) {
      RETURN_IF_ERROR(CheckFunctions(session_, plan_, names, schema_, findings_));
    }
    std::vector<std::string> made, relied_on;
    for (const core::Table& table : plan_.tables) {
      // Its vectors went with the extension, which is told.
      if (extension_schema.empty() && HasVectors(table)) {
        unreadable_.insert(table.name);
        continue;
      }
      (table.existed || !why_not.empty() ? relied_on : made).push_back(table.name);
    }
    RETURN_IF_ERROR(InGroups(made, [&](const std::vector<std::string>& group) { return CheckMade(group, names); }));
    return InGroups(relied_on, [&](const std::vector<std::string>& group) { return CheckReliedOn(group); });
  }

 private:
  template <typename Check>
  absl::Status InGroups(const std::vector<std::string>& tables, const Check& check) {
    for (std::size_t begin = 0; begin < tables.size(); begin += kTablesAtOnce) {
      const std::size_t end = std::min(begin + kTablesAtOnce, tables.size());
      RETURN_IF_ERROR(check(std::vector<std::string>(tables.begin() + static_cast<std::ptrdiff_t>(begin),
                                                     tables.begin() + static_cast<std::ptrdiff_t>(end))));
    }
    return absl::OkStatus();
  }

  bool HasVectors(const core::Table& table) const {
    bool found = false;
    MapQualifiedNames(table.create_sql, [&](const std::string& schema, const std::string& name) {
      found = found || (schema == plan_.extension_schema && (name == "vector" || name == "halfvec"));
      return "";
    });
    return found;
  }

  absl::Status TellExtension(const std::string& extension_schema) {
    Comparison comparison{1, {}};
    if (extension_schema != plan_.extension_schema) {
      comparison.differences.push_back(
          {"extension vector", "", absl::StrCat("in schema ", plan_.extension_schema),
           extension_schema.empty() ? "none" : absl::StrCat("in schema ", extension_schema)});
    }
    return TellComparison(findings_, "extension", "", comparison, absl::StrCat("in schema ", plan_.extension_schema),
                          "SELECT extversion, extnamespace::regnamespace FROM pg_extension WHERE extname = 'vector'");
  }

  absl::Status TellSkipped(const std::string& why_not) {
    return findings_.Tell(
        core::CheckReport{"structure", "", "skipped", "tables compared with what the plan's statements make", why_not,
                          "SELECT pg_is_in_recovery(), has_database_privilege(current_database(), 'TEMPORARY')"});
  }

  std::string Qualified(const std::string& table) const {
    return core::QualifiedName(plan_.identity.destination_schema, table);
  }

  // Tables of this migration, against what its statements make.
  absl::Status CheckMade(const std::vector<std::string>& group, const TemporarySql& names) {
    ASSIGN_OR_RETURN(const ExpectedTables expected,
                     ExpectTables(session_, plan_, names, schema_, group, indexes_wanted_));
    const std::vector<std::string> all = WithParents(plan_, group);
    ASSIGN_OR_RETURN(const TableStates actual, ReadTables(session_, schema_, all));
    TableFaults faults;
    std::map<std::string, Comparison> columns;
    for (const std::string& table : all) columns[table] = FindFaults(table, expected, actual, faults[table]);
    for (const std::string& table : group) {
      RETURN_IF_ERROR(CheckTable(table, expected, actual, columns[table], faults));
    }
    return absl::OkStatus();
  }

  Comparison FindFaults(const std::string& name, const ExpectedTables& expected, const TableStates& actual,
                        TableFault& fault) {
    const core::Table* table = FindTable(plan_, name);
    const auto there = actual.find(name);
    const auto made = expected.tables.find(name);
    fault.absent = !IsTable(table, there == actual.end() ? nullptr : &there->second) || made == expected.tables.end();
    if (fault.absent) return {};
    return table->existed ? CompareMappedColumns(plan_, *table, false, there->second, fault)
                          : CompareColumns(made->second, there->second, fault);
  }

  static bool IsTable(const core::Table* table, const TableState* state) {
    return table != nullptr && state != nullptr && (state->kind == 'r' || (table->existed && state->kind == 'p'));
  }

  // Tells that the table is absent, or something else; true: it is a table.
  absl::StatusOr<bool> CheckExists(const std::string& name, const TableStates& actual) {
    const auto there = actual.find(name);
    const TableState* state = there == actual.end() ? nullptr : &there->second;
    if (IsTable(FindTable(plan_, name), state)) return true;
    unreadable_.insert(name);
    Comparison comparison{1, {}};
    comparison.differences.push_back(
        {"", "", "an ordinary table", state == nullptr ? "none" : std::string(RelationWord(state->kind))});
    RETURN_IF_ERROR(TellComparison(findings_, "table_structure", name, comparison, "an ordinary table",
                                   absl::StrCat("SELECT oid::regclass, relkind FROM pg_class WHERE oid = to_regclass(",
                                                core::QuoteLiteral(Qualified(name)), ")")));
    return false;
  }

  absl::Status CheckTable(const std::string& name, const ExpectedTables& expected, const TableStates& actual,
                          Comparison structure, const TableFaults& faults) {
    ASSIGN_OR_RETURN(const bool exists, CheckExists(name, actual));
    if (!exists) return absl::OkStatus();
    const TableState& state = actual.at(name);
    const std::string qualified = Qualified(name);
    for (const RefusedStatement& refused : expected.refused) {
      if (refused.table != name || refused.kind != core::StepKind::kSql) continue;
      ++structure.compared;
      structure.differences.push_back(
          {"", "", refused.sql, absl::StrCat("this server refuses the plan's statement: ", refused.error)});
    }
    const Comparison checks = CompareObjects(name, {Kind::kCheck}, expected, state, faults);
    structure.compared += checks.compared;
    structure.differences.insert(structure.differences.end(), checks.differences.begin(), checks.differences.end());
    RETURN_IF_ERROR(TellComparison(findings_, "table_structure", name, structure,
                                   Count("columns and checks", structure), ColumnsEvidence(qualified)));
    RETURN_IF_ERROR(CheckRowSecurity(name, state));
    const auto made = expected.tables.find(name);
    if (made == expected.tables.end()) return MarkMissingColumns(name, state);
    MarkUnreadable(name, faults.at(name));
    const auto tell = [&](absl::string_view check, const std::set<Kind>& kinds, absl::string_view noun,
                          const std::string& evidence) {
      const Comparison comparison = CompareObjects(name, kinds, expected, state, faults);
      return TellComparison(findings_, check, name, comparison, Count(noun, comparison), evidence);
    };
    RETURN_IF_ERROR(tell("keys", {Kind::kPrimaryKey, Kind::kUniqueConstraint, Kind::kUniqueIndex}, "keys",
                         IndexesEvidence(qualified, " AND indisunique")));
    RETURN_IF_ERROR(tell("foreign_keys", {Kind::kForeignKey}, "foreign keys", ConstraintsEvidence(qualified, "'f'")));
    RETURN_IF_ERROR(tell("indexes", {Kind::kIndex}, "indexes", IndexesEvidence(qualified, " AND NOT indisunique")));
    RETURN_IF_ERROR(tell("triggers", {Kind::kTrigger}, "triggers", TriggersEvidence(qualified)));
    return CheckSequences(name, &made->second, state, faults.at(name));
  }

  // Of tables that are not ours, and where nothing can be made: what rows are compared by.
  absl::Status CheckReliedOn(const std::vector<std::string>& group) {
    ASSIGN_OR_RETURN(const TableStates actual, ReadTables(session_, schema_, group));
    for (const std::string& name : group) {
      ASSIGN_OR_RETURN(const bool exists, CheckExists(name, actual));
      if (!exists) continue;
      const TableState& state = actual.at(name);
      const core::Table& table = *FindTable(plan_, name);
      TableFault fault;
      const Comparison columns = CompareMappedColumns(plan_, table, !table.existed, state, fault);
      RETURN_IF_ERROR(TellComparison(findings_, "table_structure", name, columns, Count("mapped columns", columns),
                                     ColumnsEvidence(Qualified(name))));
      RETURN_IF_ERROR(CheckRowSecurity(name, state));
      MarkUnreadable(name, fault);
      const Comparison keys = CompareConflictKeys(plan_, name, state, fault);
      RETURN_IF_ERROR(TellComparison(findings_, "keys", name, keys, Count("keys", keys),
                                     IndexesEvidence(Qualified(name), " AND indisunique")));
      RETURN_IF_ERROR(CheckSequences(name, nullptr, state, fault));
    }
    return absl::OkStatus();
  }

  absl::Status MarkMissingColumns(const std::string& name, const TableState& state) {
    TableFault fault;
    CompareMappedColumns(plan_, *FindTable(plan_, name), true, state, fault);
    MarkUnreadable(name, fault);
    return absl::OkStatus();
  }

  // Rows are compared by mapped columns alone.
  void MarkUnreadable(const std::string& name, const TableFault& fault) {
    for (const core::Mapping& mapping : plan_.mappings) {
      if (mapping.destination_table != name) continue;
      for (const core::Column& column : mapping.columns) {
        if (fault.columns.count(column.name) != 0) unreadable_.insert(name);
      }
    }
  }

  absl::Status CheckRowSecurity(const std::string& name, const TableState& state) {
    Comparison comparison{1, {}};
    const bool ours = !FindTable(plan_, name)->existed;
    if (state.hides_rows) unreadable_.insert(name);
    if (state.hides_rows || (ours && state.row_security)) {
      comparison.differences.push_back(
          {"", "", "no row-level security",
           absl::StrCat("row-level security ", state.row_security_forced ? "forced: " : "enabled: ",
                        state.hides_rows ? "it may hide rows from this role (come as a role with BYPASSRLS)"
                                         : "other roles may see fewer rows than were copied")});
    }
    return TellComparison(findings_, "row_security", name, comparison, "no row-level security that hides rows",
                          RowSecurityEvidence(Qualified(name)));
  }

  // `expected`: also its identity columns are numbered; nullptr: only the steps' columns.
  absl::Status CheckSequences(const std::string& name, const TableState* expected, const TableState& state,
                              const TableFault& fault) {
    // The highest number cannot be read where rows are hidden.
    if (state.hides_rows) return absl::OkStatus();
    NumberedColumns columns;
    if (expected != nullptr) {
      for (const TableColumn& column : expected->columns) {
        if (column.identity != ' ') columns[column.name] = std::nullopt;
      }
    }
    for (const core::FinishStep& step : plan_.steps) {
      if (step.kind == core::StepKind::kSequence && step.table == name) columns[step.name] = step.value;
    }
    for (const std::string& faulty : fault.columns) columns.erase(faulty);
    std::string evidence;
    ASSIGN_OR_RETURN(const Comparison comparison, CompareSequences(session_, Qualified(name), columns, evidence));
    return TellComparison(findings_, "sequences", name, comparison, Count("sequences", comparison),
                          std::move(evidence));
  }

  postgres::Connection& session_;
  const core::Plan& plan_;
  const bool indexes_wanted_;
  std::set<std::string>& unreadable_;
  core::Findings& findings_;
  Namespace schema_;
};

}  // namespace

absl::Status CheckStructure(postgres::Connection& destination, const core::Plan& plan, bool indexes_wanted,
                            std::set<std::string>& unreadable, core::Findings& findings) {
  absl::Status status = BeginComparison(destination);
  if (status.ok()) status = Structure(destination, plan, indexes_wanted, unreadable, findings).Run();
  // The first error is the one to tell; a lost connection has rolled back by itself.
  if (destination.in_transaction()) status.Update(destination.ExecuteScript("ROLLBACK"));
  return status;
}

}  // namespace vecferry::verifier
