#ifndef VECFERRY_VERIFIER_STRUCTURE_COMPARE_H_
#define VECFERRY_VERIFIER_STRUCTURE_COMPARE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/core/plan.h"
#include "verifier/structure_catalog.h"
#include "verifier/structure_expected.h"

namespace vecferry::verifier {

struct StructureDifference {
  std::string object;   // "column body", "index notes_by_person"; "" = the table
  std::string columns;  // comma-separated
  std::string expected, found;
};

// What was looked at for one check of a table. compared == 0: nothing, and nothing is told.
struct Comparison {
  int compared = 0;
  std::vector<StructureDifference> differences;
};

// What is wrong at the root: what hangs on it is not told as well.
struct TableFault {
  bool absent = false;            // or no table
  std::set<std::string> columns;  // absent or of another type
};
using TableFaults = std::map<std::string, TableFault>;

// Columns of a table that the migration made, as the plan's statement makes them. Additional ones are none of ours.
Comparison CompareColumns(const TableState& expected, const TableState& actual, TableFault& fault);

// Columns that mappings fill: their types must be (`exact`) or at least hold the plan's.
Comparison CompareMappedColumns(const core::Plan& plan, const core::Table& table, bool exact, const TableState& actual,
                                TableFault& fault);

// Objects of some kinds, but for those that hang on what is faulty.
Comparison CompareObjects(const std::string& table, const std::set<TableObject::Kind>& kinds,
                          const ExpectedTables& expected, const TableState& actual, const TableFaults& faults);

// A key that finds the rows of each mapping of a table that existed before.
Comparison CompareConflictKeys(const core::Plan& plan, const std::string& table, const TableState& actual,
                               const TableFault& fault);

// The object of `actual` that is as planned: of the same name, or else by another one; nullptr: there is none.
const TableObject* FindSame(const TableState& actual, const TableObject& expected);

// Whether an index (not of a key) as planned, or a key, belongs to `kinds`; of refused statements.
TableObject::Kind KindOf(const RefusedStatement& refused);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_COMPARE_H_
