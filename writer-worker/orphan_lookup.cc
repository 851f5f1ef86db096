#include "writer-worker/orphan_lookup.h"

#include <algorithm>
#include <string>

#include "common/base/status_macros.h"
#include "writer-worker/load_sql.h"

namespace vecferry::writer {
namespace {

// One row for each pair of columns.
constexpr char kForeignKeySql[] =
    "SELECT c.confrelid::regclass, c.confrelid = c.conrelid, a.attname, p.attname FROM pg_catalog.pg_constraint c "
    "CROSS JOIN unnest(c.conkey, c.confkey) AS k (child, parent) "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child "
    "JOIN pg_catalog.pg_attribute p ON p.attrelid = c.confrelid AND p.attnum = k.parent "
    "WHERE c.conrelid = $1::regclass AND c.conname = $2 AND c.contype = 'f'";

bool IsMapped(const core::Mapping& mapping, absl::string_view column) {
  return std::any_of(mapping.columns.begin(), mapping.columns.end(),
                     [&](const core::Column& candidate) { return candidate.name == column; });
}

// "" = the stage does not tell.
absl::StatusOr<std::string> LookupSql(postgres::Connection& session, const std::string& schema,
                                      const core::Mapping& mapping, const std::string& constraint) {
  ASSIGN_OR_RETURN(
      const postgres::Result pairs,
      session.Execute(kForeignKeySql, {core::QualifiedName(schema, mapping.destination_table), constraint}));
  if (pairs.rows() == 0) return std::string();
  const bool own = pairs.truth(0, 1);
  std::vector<std::string> columns;
  std::vector<std::string> parent_columns;
  for (int row = 0; row < pairs.rows(); ++row) {
    if (!IsMapped(mapping, pairs.text(row, 2)) || (own && !IsMapped(mapping, pairs.text(row, 3)))) return std::string();
    columns.push_back(core::QuoteIdentifier(pairs.text(row, 2)));
    parent_columns.push_back(core::QuoteIdentifier(pairs.text(row, 3)));
  }
  return OrphansSql(pairs.text(0, 0), columns, parent_columns, own);
}

}  // namespace

absl::StatusOr<std::vector<std::size_t>> FindOrphans(postgres::Connection& session, const std::string& schema,
                                                     const core::Mapping& mapping, const std::string& constraint,
                                                     std::size_t begin, std::size_t end) {
  std::vector<std::size_t> places;
  ASSIGN_OR_RETURN(const std::string sql, LookupSql(session, schema, mapping, constraint));
  if (sql.empty()) return places;
  RETURN_IF_ERROR(session.ExecuteScript("SAVEPOINT lookup"));
  const absl::StatusOr<postgres::Result> found =
      session.Execute(sql, {static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end)});
  if (absl::IsPermissionDenied(found.status())) {
    RETURN_IF_ERROR(session.ExecuteScript("ROLLBACK TO SAVEPOINT lookup; RELEASE SAVEPOINT lookup"));
    return places;
  }
  RETURN_IF_ERROR(found.status());
  RETURN_IF_ERROR(session.ExecuteScript("RELEASE SAVEPOINT lookup"));
  for (int row = 0; row < found->rows(); ++row) places.push_back(static_cast<std::size_t>(found->integer(row, 0)));
  return places;
}

}  // namespace vecferry::writer
