#include "common/load/orphan_lookup.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/status_macros.h"

namespace vecferry::load {
namespace {

// One row for each pair of columns, and how Postgres compares them: as it does itself, by the parent's collation.
constexpr char kForeignKeySql[] =
    "SELECT c.confrelid::regclass, c.confrelid = c.conrelid, a.attname, p.attname, format('OPERATOR(%s.%s)', "
    "o.oprnamespace::regnamespace::text, o.oprname), coalesce((SELECT format(' COLLATE %I.%I', n.nspname, l.collname) "
    "FROM "
    "pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = "
    "p.attcollation), '') "
    "FROM pg_catalog.pg_constraint c "
    "CROSS JOIN unnest(c.conkey, c.confkey, c.conpfeqop) AS k (child, parent, equal) "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child "
    "JOIN pg_catalog.pg_attribute p ON p.attrelid = c.confrelid AND p.attnum = k.parent "
    "JOIN pg_catalog.pg_operator o ON o.oid = k.equal "
    "WHERE c.conrelid = $1::regclass AND c.conname = $2 AND c.contype = 'f'";

bool IsMapped(const core::Mapping& mapping, absl::string_view column) {
  return std::any_of(mapping.columns.begin(), mapping.columns.end(),
                     [&](const core::Column& candidate) { return candidate.name == column; });
}

// "" = the stage does not tell.
absl::StatusOr<std::string> LookupSql(postgres::Connection& session, const std::string& schema,
                                      const core::Mapping& mapping, OnConflict on_conflict,
                                      const std::string& constraint) {
  ASSIGN_OR_RETURN(
      const postgres::Result pairs,
      session.Execute(kForeignKeySql, {core::QualifiedName(schema, mapping.destination_table), constraint}));
  if (pairs.rows() == 0) return std::string();
  const bool own = pairs.truth(0, 1);
  std::vector<KeyColumn> columns;
  for (int row = 0; row < pairs.rows(); ++row) {
    if (!IsMapped(mapping, pairs.text(row, 2)) || (own && !IsMapped(mapping, pairs.text(row, 3)))) return std::string();
    columns.push_back({core::QuoteIdentifier(pairs.text(row, 2)), core::QuoteIdentifier(pairs.text(row, 3)),
                       std::string(pairs.text(row, 4)), std::string(pairs.text(row, 5))});
  }
  return OrphansSql(schema, mapping, on_conflict, pairs.text(0, 0), columns, own);
}

// Of one foreign key: places without a partner at the destination, each with that of its partner in the stage, or with
// `end`.
absl::Status LookUp(postgres::Connection& session, const std::string& sql, std::size_t begin, std::size_t end,
                    std::vector<std::pair<std::size_t, std::size_t>>& lacking) {
  RETURN_IF_ERROR(session.ExecuteScript("SAVEPOINT lookup"));
  const absl::StatusOr<postgres::Result> found =
      session.Execute(sql, {static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end)});
  if (absl::IsPermissionDenied(found.status())) {
    return session.ExecuteScript("ROLLBACK TO SAVEPOINT lookup; RELEASE SAVEPOINT lookup");
  }
  RETURN_IF_ERROR(found.status());
  for (int row = 0; row < found->rows(); ++row) {
    lacking.emplace_back(found->is_null(row, 1) ? end : static_cast<std::size_t>(found->integer(row, 1)),
                         static_cast<std::size_t>(found->integer(row, 0)));
  }
  return session.ExecuteScript("RELEASE SAVEPOINT lookup");
}

}  // namespace

absl::StatusOr<std::vector<std::size_t>> FindOrphans(postgres::Connection& session, const std::string& schema,
                                                     const core::Mapping& mapping, OnConflict on_conflict,
                                                     const std::vector<std::string>& constraints, std::size_t begin,
                                                     std::size_t end) {
  std::vector<std::pair<std::size_t, std::size_t>> lacking;  // the partner in the stage, the row
  for (const std::string& constraint : constraints) {
    ASSIGN_OR_RETURN(const std::string sql, LookupSql(session, schema, mapping, on_conflict, constraint));
    if (!sql.empty()) RETURN_IF_ERROR(LookUp(session, sql, begin, end, lacking));
  }
  std::sort(lacking.begin(), lacking.end());
  // From the rows that have no partner at all to those that name one of them, and so on.
  std::vector<bool> seen(end - begin, false);
  std::vector<std::size_t> places;
  const auto add_children_of = [&](std::size_t partner) {
    for (auto row = std::lower_bound(lacking.begin(), lacking.end(), std::pair(partner, std::size_t{0}));
         row != lacking.end() && row->first == partner; ++row) {
      if (!seen[row->second - begin]) places.push_back(row->second);
      seen[row->second - begin] = true;
    }
  };
  add_children_of(end);
  for (std::size_t i = 0; i < places.size(); ++i) add_children_of(places[i]);
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace vecferry::load
