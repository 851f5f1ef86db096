#include "verifier/structure_sequences.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/types.h"
#include "verifier/structure_catalog.h"

namespace vecferry::verifier {
namespace {

// The column's own sequence (identity, serial), else the one that its default names. As SQL.
constexpr char kSequencesSql[] =
    "SELECT DISTINCT ON (a.attname) a.attname, format('%I.%I', n.nspname, s.relname) FROM pg_catalog.pg_attribute a "
    "LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum "
    "JOIN pg_catalog.pg_depend d ON "
    "(d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::"
    "pg_catalog.regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i')) OR "
    "(d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid AND d.refclassid = "
    "'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> a.attrelid) "
    "JOIN pg_catalog.pg_class s ON s.relkind = 'S' AND s.oid = CASE WHEN d.refobjid = a.attrelid THEN d.objid ELSE "
    "d.refobjid END JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace "
    "WHERE a.attrelid = $1::pg_catalog.regclass AND a.attname = ANY ($2::pg_catalog.name[]) "
    "ORDER BY a.attname, d.refobjid <> a.attrelid";

absl::Status CompareSequence(postgres::Connection& session, const std::string& qualified_table,
                             const std::string& column, const std::string& sequence,
                             const std::optional<std::int64_t>& source, Comparison& comparison) {
  const std::string quoted = core::QuoteIdentifier(column);
  ASSIGN_OR_RETURN(
      const postgres::Result state,
      session.Execute(
          absl::StrCat(
              "SELECT next, highest, next > coalesce(greatest(highest, $2), next - 1) FROM (SELECT "
              "s.last_value::numeric + CASE WHEN s.is_called THEN q.seqincrement ELSE 0 END AS next, (SELECT max(",
              quoted, ")::numeric FROM ", qualified_table, ") AS highest FROM ", sequence,
              " s, pg_catalog.pg_sequence q WHERE q.seqrelid = $1::pg_catalog.regclass) AS state"),
          {sequence, source ? postgres::Param(*source) : postgres::Param(std::nullopt)}));
  ++comparison.compared;
  if (state.rows() > 0 && state.truth(0, 2)) return absl::OkStatus();
  const std::string highest = state.is_null(0, 1) ? "none" : std::string(state.text(0, 1));
  comparison.differences.push_back(
      {absl::StrCat("sequence ", sequence, " of column ", column), column,
       absl::StrCat("next a number greater than ", highest, ", the highest in the table",
                    source ? absl::StrCat(", and than ", *source, ", the highest of the source") : ""),
       absl::StrCat("next ", state.text(0, 0))});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Comparison> CompareSequences(postgres::Connection& session, const std::string& qualified_table,
                                            const NumberedColumns& columns, std::string& evidence) {
  Comparison comparison;
  if (columns.empty()) return comparison;
  std::vector<std::string> names;
  for (const auto& [name, source] : columns) names.push_back(name);
  ASSIGN_OR_RETURN(const postgres::Result sequences,
                   session.Execute(kSequencesSql, {qualified_table, ArrayLiteral(names)}));
  for (int row = 0; row < sequences.rows(); ++row) {
    const std::string column(sequences.text(row, 0)), sequence(sequences.text(row, 1));
    RETURN_IF_ERROR(CompareSequence(session, qualified_table, column, sequence, columns.at(column), comparison));
    absl::StrAppend(&evidence, evidence.empty() ? "" : "; ", "SELECT last_value, is_called FROM ", sequence,
                    "; SELECT max(", core::QuoteIdentifier(column), ") FROM ", qualified_table);
  }
  return comparison;
}

}  // namespace vecferry::verifier
