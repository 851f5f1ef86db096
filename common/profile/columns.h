#ifndef VECFERRY_COMMON_PROFILE_COLUMNS_H_
#define VECFERRY_COMMON_PROFILE_COLUMNS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/profile/draft.h"
#include "common/profile/vectors.h"

namespace vecferry::profile {

// How one source column arrives by the generic rules.
struct ColumnDesign {
  const sqlite::SourceColumn* source = nullptr;
  std::string name;  // at the destination
  core::PgType type;
  core::Conversion conversion = core::Conversion::kNatural;
  bool not_null = false;
  std::string default_sql;
  std::optional<std::string> fallback;
  std::int64_t bytes_longest = 0;  // of its texts and blobs, where it is part of a key or index
};

// The conversion of columns that name the rows of another table by uuid; nullopt = an ordinary column.
using IdRule = std::function<std::optional<core::Conversion>(const sqlite::SourceTable&, const sqlite::SourceColumn&)>;

// Decides names and types of `columns` of `table` by declarations and values, in one scan. `names` holds the names that
// the destination table has already; `existing` is the destination's table of that name, or nullptr: its type stands
// where the values' own type would do as well.
absl::StatusOr<std::vector<ColumnDesign>> DesignColumns(Draft& draft, const sqlite::SourceTable& table,
                                                        const std::vector<const sqlite::SourceColumn*>& columns,
                                                        const postgres::CatalogTable* existing, const SaidVectors& said,
                                                        const IdRule& id_rule, NameSet& names);

// Adds a designed column to a table and to the mapping that fills it.
void AddDesigned(const ColumnDesign& design, DraftTable& table, core::Mapping& mapping);

// HNSW, cosine, where the type can have it; a `name` of "" is made from table and column.
void AddVectorIndex(Draft& draft, DraftTable& table, const std::string& column, const core::PgType& type,
                    const std::string& name);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_COLUMNS_H_
