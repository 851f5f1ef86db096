#ifndef VECFERRY_COMMON_PROFILE_PLANNED_H_
#define VECFERRY_COMMON_PROFILE_PLANNED_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/profile/columns.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// Destination tables whose columns the profile states, whatever the source looks like. A source column that the store's
// version lacks leaves its destination column to the default.

struct PlannedColumn {
  std::string name;
  core::PgType type;
  std::string source = {};     // the column that fills it; "" = none
  std::string input_sql = {};  // an expression in place of the plain column
  core::Conversion conversion = core::Conversion::kNatural;
  bool not_null = false;
  std::string default_sql = {};
  std::optional<std::string> fallback = {};
  std::optional<std::string> null_value = {};
  std::vector<std::string> fallback_sources = {};
  std::int64_t element_bytes_max = 0;
  bool identity = false;
  std::string check_sql = {};
  std::string generated_sql = {};
  bool read_only = false;  // read, so that the row's sum covers it, and not written
};

struct PlannedTable {
  std::string name;
  std::vector<PlannedColumn> columns;
  std::vector<std::string> key;
  std::vector<std::vector<std::string>> unique = {};
};

// Adds the table without rows: columns and keys. The reference is valid as long as `draft`.
DraftTable& AddPlannedTable(Draft& draft, const PlannedTable& planned);

enum class Extras {
  kCarry,  // columns that the plan has no place for keep their name and take their generic type; NOT NULL only with a
           // default, since programs that know the plan alone do not fill them
  kNullable,  // the same, always nullable and without defaults: other rows of the table come from elsewhere
  kLeave,     // another mapping of the same source table carries them
};

// Fills `planned` from `table`: the mapping is added to the draft. Returns its id.
absl::StatusOr<int> FillPlanned(Draft& draft, const sqlite::SourceTable& table, const PlannedTable& planned,
                                Extras extras, const SaidVectors& said);

// A foreign key of the profile's own, where the parent can be referred to.
void ReferTo(Draft& draft, const std::string& table, const std::vector<std::string>& columns, const std::string& parent,
             const std::string& actions);

// idx_<table>_<column>, as the plan names them; `method` gin or btree, `where` "" or a condition.
void AddPlannedIndex(Draft& draft, const std::string& table, const std::string& column, const std::string& method,
                     const std::string& where);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_PLANNED_H_
