#ifndef VECFERRY_VERIFIER_COMPARED_TABLE_H_
#define VECFERRY_VERIFIER_COMPARED_TABLE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/plan.h"
#include "common/postgres/connection.h"
#include "verifier/destination_rows.h"

namespace vecferry::verifier {

// What fills a column that a mapping does not: NULL, or a default that is a constant.
using Constant = std::optional<std::string>;  // canonical; nullopt = NULL

// How the rows of one mapping stand in the rows of its table: for each compared column the mapping's column, or -1 and
// a constant.
struct Filling {
  const core::Mapping* mapping = nullptr;
  std::vector<int> places;
  std::vector<Constant> constants;
  bool same_order = false;  // the compared columns are the mapping's, as they are
};

// One destination table and what is compared of it.
struct ComparedTable {
  std::string name;
  bool fresh = true;
  std::int64_t seeded = 0;  // rows that the profile itself makes, at most
  std::vector<ComparedColumn> columns;
  std::vector<int> key;  // places of the key's columns
  std::vector<Filling> fillings;
  // Columns of a fresh table that no mapping fills and that no constant does, such as now(): not compared.
  std::vector<std::string> left_out;
};

// The destination tables that mappings fill.
std::set<std::string> MappedTables(const core::Plan& plan);

// What is compared of one of them. Asks the catalogs for the defaults of columns that they leave.
absl::StatusOr<ComparedTable> LayOutTable(postgres::Connection& session, const core::Plan& plan,
                                          const std::string& table);

// The place of a compared column; -1: there is none of that name.
int FindColumn(const ComparedTable& table, absl::string_view name);
// That of the column that tells a row's embedding model.
int FindModel(const ComparedTable& table);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_COMPARED_TABLE_H_
