#include "verifier/refused_rows.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/replay.h"
#include "common/core/types.h"
#include "verifier/difference_text.h"
#include "verifier/sql_literal.h"

namespace vecferry::verifier {
namespace {

class Proof {
 public:
  Proof(postgres::Connection& session, const core::Plan& plan, const ComparedTable& table)
      : session_(session),
        plan_(plan),
        table_(table),
        qualified_(core::QualifiedName(plan.identity.destination_schema, table.name)) {}

  // nullopt: it holds; else why it does not. kPermissionDenied and such: it could not be tried.
  absl::StatusOr<std::optional<std::string>> WhyNot(const Claim& claim) {
    return claim.refused.action == "skipped" ? Conflicts(claim) : IsRefused(claim);
  }

 private:
  std::string Value(const RowImage& row, std::size_t column) const {
    return SqlLiteral(table_.columns[column].type, row.field(static_cast<int>(column)), plan_.extension_schema);
  }

  // A row with this key and other content must be there.
  absl::StatusOr<std::optional<std::string>> Conflicts(const Claim& claim) {
    std::vector<std::string> terms;
    for (const int field : table_.key) {
      const auto at = static_cast<std::size_t>(field);
      terms.push_back(absl::StrCat(core::QuoteIdentifier(table_.columns[at].name), " = ", Value(claim.row, at)));
    }
    ASSIGN_OR_RETURN(DestinationRows rows,
                     DestinationRows::Open(session_, qualified_, table_.columns, absl::StrJoin(terms, " AND ")));
    RowImage there;
    bool found = false;
    while (true) {
      ASSIGN_OR_RETURN(const bool more, rows.Next(there));
      if (!more) break;
      found = true;
    }
    if (found) return std::optional<std::string>();
    return std::optional<std::string>("recorded as conflicting, but no row of this key is there");
  }

  // Postgres must refuse the row. Everything is rolled back.
  absl::StatusOr<std::optional<std::string>> IsRefused(const Claim& claim) {
    std::vector<std::string> names, values;
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      names.push_back(core::QuoteIdentifier(table_.columns[i].name));
      values.push_back(Value(claim.row, i));
    }
    const std::string insert = absl::StrCat("INSERT INTO ", qualified_, " (", absl::StrJoin(names, ", "),
                                            ") OVERRIDING SYSTEM VALUE VALUES (", absl::StrJoin(values, ", "), ")");
    RETURN_IF_ERROR(session_.ExecuteScript("BEGIN READ WRITE"));
    absl::Status tried = session_.ExecuteScript(insert);
    if (tried.ok()) tried = session_.ExecuteScript("SET CONSTRAINTS ALL IMMEDIATE");
    RETURN_IF_ERROR(session_.ExecuteScript("ROLLBACK"));
    if (tried.ok()) {
      return std::optional<std::string>(absl::StrCat("recorded as rejected (", claim.refused.kind,
                                                     "), but the destination takes it (rejects replay)"));
    }
    const auto error = postgres::GetSqlError(tried);
    const bool about_row =
        error && (absl::StartsWith(error->sqlstate, "22") || absl::StartsWith(error->sqlstate, "23") ||
                  absl::StartsWith(error->sqlstate, "44") || absl::StartsWith(error->sqlstate, "54") ||
                  error->sqlstate == "P0001" || error->sqlstate == "21000");
    if (!about_row) return tried;
    return std::optional<std::string>();
  }

  postgres::Connection& session_;
  const core::Plan& plan_;
  const ComparedTable& table_;
  const std::string qualified_;
};

absl::StatusOr<RefusedRows> LoadOf(postgres::Connection& session, const std::string& migration_id,
                                   const core::Mapping& mapping) {
  // What a row fills elsewhere came with it, unless it has an issue of its own, which comes last.
  const int counted = mapping.counted ? mapping.id : mapping.counted_by;
  ASSIGN_OR_RETURN(
      const postgres::Result rows,
      session.Execute("SELECT i.source_key_record, i.kind, i.action, i.raw_format NOT IN ('copy-tuple', '') "
                      "AND i.kind NOT IN ('foreign_key', 'waiting', 'conflict'), i.reason "
                      "FROM vecferry.row_issue i JOIN vecferry.shard s USING (migration_id, shard) "
                      "WHERE i.migration_id = $1 AND (s.mapping = $2 AND i.action IN ('rejected', 'skipped') "
                      "OR s.mapping IN ($2, $3) AND i.action = 'replayed' AND pg_catalog.strpos(i.reason, $4) > 0) "
                      "ORDER BY s.mapping = $2",
                      {migration_id, static_cast<std::int64_t>(mapping.id), static_cast<std::int64_t>(counted),
                       std::string(core::kCarriedWithAnother)}));
  RefusedRows refused;
  for (int row = 0; row < rows.rows(); ++row) {
    refused[rows.bytea(row, 0)] = {std::string(rows.text(row, 1)), std::string(rows.text(row, 2)), rows.truth(row, 3),
                                   std::string(rows.text(row, 4))};
  }
  return refused;
}

}  // namespace

absl::StatusOr<RefusedByMapping> LoadRefused(postgres::Connection& session, const std::string& migration_id,
                                             const ComparedTable& table) {
  RefusedByMapping refused;
  for (const Filling& filling : table.fillings) {
    ASSIGN_OR_RETURN(refused[filling.mapping->id], LoadOf(session, migration_id, *filling.mapping));
  }
  return refused;
}

absl::Status ProveClaims(postgres::Connection& session, const core::Plan& plan, const ComparedTable& table,
                         const std::vector<Claim>& claims, std::int64_t claims_more, core::Findings& findings) {
  Proof proof(session, plan, table);
  std::int64_t wrong = 0, unproven = claims_more;
  std::string why_unproven = claims_more > 0 ? "more than are tried" : "";
  for (const Claim& claim : claims) {
    const absl::StatusOr<std::optional<std::string>> why_not = proof.WhyNot(claim);
    if (!why_not.ok()) {
      if (!session.alive()) return why_not.status();
      ++unproven;
      why_unproven = std::string(why_not.status().message());
      continue;
    }
    if (!*why_not) continue;
    ++wrong;
    DifferentRow row;
    row.source = claim.row;
    core::DifferenceReport difference = DescribeRow(table.name, table.columns, table.key, row);
    difference.detail = absl::StrCat(**why_not, "; the ledger says: ", core::SanitizeText(claim.refused.reason));
    if (wrong <= core::kDifferencesMax) {
      RETURN_IF_ERROR(findings.Tell(difference));
    } else {
      findings.CountMoreDifferences(1);
    }
  }
  const std::int64_t all = static_cast<std::int64_t>(claims.size()) + claims_more;
  if (all == 0) return absl::OkStatus();
  core::CheckReport check{"refusals_hold", table.name, wrong > 0 ? "fail" : unproven > 0 ? "skipped" : "pass"};
  check.expected = absl::StrCat(all, " rows that Postgres refuses");
  check.actual = absl::StrCat(all - wrong - unproven, unproven > 0 ? absl::StrCat(", ", unproven, " unproven") : "");
  check.evidence = absl::StrCat("tried again and rolled back: INSERT INTO ",
                                core::QualifiedName(plan.identity.destination_schema, table.name),
                                why_unproven.empty() ? "" : absl::StrCat("; unproven: ", why_unproven));
  return findings.Tell(check);
}

}  // namespace vecferry::verifier
