// What a verification found.
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::postgres {
namespace {

// 17 digits read back as the same bits.
std::string Number(double value) { return absl::StrFormat("%.17g", value); }

Param Share(double share) { return share < 0 ? Param(std::nullopt) : Param(Number(share)); }

std::string Latencies(const core::LatencyReport& latency) {
  return absl::StrCat("{", Number(latency.p50), ",", Number(latency.p95), ",", Number(latency.p99), "}");
}

double ReadNumber(absl::string_view text) {
  double number = 0;
  return absl::SimpleAtod(text, &number) ? number : 0;
}

core::LatencyReport ReadLatencies(absl::string_view array) {
  const std::vector<absl::string_view> parts = absl::StrSplit(array.substr(1, array.size() - 2), ',');
  if (parts.size() != 3) return {};
  return {ReadNumber(parts[0]), ReadNumber(parts[1]), ReadNumber(parts[2])};
}

absl::Status LoadRecall(Connection& session, const Param& id, core::Report& report) {
  ASSIGN_OR_RETURN(
      const Result rows,
      session.Execute("SELECT table_name, column_name, model, slice, metric, k, queries, coalesce(exact, -1), "
                      "coalesce(by_index, -1), index_ms, exact_ms FROM vecferry.recall WHERE migration_id = $1 "
                      "ORDER BY id",
                      {id}));
  for (int row = 0; row < rows.rows(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    report.recall.push_back({text(0), text(1), text(2), text(3), text(4), static_cast<int>(rows.integer(row, 5)),
                             static_cast<int>(rows.integer(row, 6)), ReadNumber(text(7)), ReadNumber(text(8)),
                             ReadLatencies(rows.text(row, 9)), ReadLatencies(rows.text(row, 10))});
  }
  return absl::OkStatus();
}

absl::Status LoadSizes(Connection& session, const Param& id, core::Report& report) {
  ASSIGN_OR_RETURN(const Result rows,
                   session.Execute("SELECT table_name, rows, table_bytes, index_bytes, dead_tuples FROM "
                                   "vecferry.table_size WHERE migration_id = $1 ORDER BY table_name",
                                   {id}));
  for (int row = 0; row < rows.rows(); ++row) {
    report.sizes.push_back({std::string(rows.text(row, 0)), rows.integer(row, 1), rows.integer(row, 2),
                            rows.integer(row, 3), rows.integer(row, 4)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ForgetFindings(Connection& session, absl::string_view migration_id) {
  const Param id{std::string(migration_id)};
  for (const char* table : {"check_result", "difference", "recall", "table_size"}) {
    RETURN_IF_ERROR(
        session.Execute(absl::StrCat("DELETE FROM vecferry.", table, " WHERE migration_id = $1"), {id}).status());
  }
  return session.Execute("UPDATE vecferry.migration SET differences_more = 0, report_sha256 = '' WHERE id = $1", {id})
      .status();
}

absl::Status RecordCheck(Connection& session, absl::string_view migration_id, const core::CheckReport& check) {
  return session
      .Execute(
          "INSERT INTO vecferry.check_result (migration_id, name, table_name, verdict, expected, actual, evidence) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (migration_id, name, table_name) DO UPDATE SET verdict = "
          "excluded.verdict, expected = excluded.expected, actual = excluded.actual, evidence = excluded.evidence, "
          "checked_at = clock_timestamp()",
          {std::string(migration_id), check.name, check.table, check.verdict, core::SanitizeText(check.expected),
           core::SanitizeText(check.actual), core::SanitizeText(check.evidence)})
      .status();
}

absl::Status RecordDifference(Connection& session, absl::string_view migration_id,
                              const core::DifferenceReport& difference) {
  return session
      .Execute(
          "INSERT INTO vecferry.difference (migration_id, table_name, key, columns, kind, detail) "
          "VALUES ($1, $2, $3, $4, $5, $6)",
          {std::string(migration_id), core::SanitizeText(difference.table), core::SanitizeText(difference.key),
           core::SanitizeText(difference.columns), difference.kind, core::SanitizeText(difference.detail)})
      .status();
}

absl::Status AddDifferences(Connection& session, absl::string_view migration_id, std::int64_t more) {
  return session
      .Execute("UPDATE vecferry.migration SET differences_more = differences_more + $2 WHERE id = $1",
               {std::string(migration_id), more})
      .status();
}

absl::Status RecordRecall(Connection& session, absl::string_view migration_id, const core::RecallReport& recall) {
  return session
      .Execute(
          "INSERT INTO vecferry.recall (migration_id, table_name, column_name, model, slice, metric, k, queries, "
          "exact, by_index, index_ms, exact_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
          {std::string(migration_id), core::SanitizeText(recall.table), core::SanitizeText(recall.column),
           core::SanitizeText(recall.model), core::SanitizeText(recall.slice), recall.metric, std::int64_t{recall.k},
           std::int64_t{recall.queries}, Share(recall.exact), Share(recall.index), Latencies(recall.by_index),
           Latencies(recall.without_index)})
      .status();
}

absl::Status RecordSize(Connection& session, absl::string_view migration_id, const core::TableSize& size) {
  return session
      .Execute(
          "INSERT INTO vecferry.table_size (migration_id, table_name, rows, table_bytes, index_bytes, dead_tuples) "
          "VALUES ($1, $2, $3, $4, $5, $6)",
          {std::string(migration_id), core::SanitizeText(size.table), size.rows, size.table_bytes, size.index_bytes,
           size.dead_tuples})
      .status();
}

absl::Status RecordPageDigest(Connection& session, absl::string_view migration_id, absl::string_view sha256) {
  return session
      .Execute("UPDATE vecferry.migration SET report_sha256 = $2 WHERE id = $1",
               {std::string(migration_id), std::string(sha256)})
      .status();
}

absl::Status StoreVerification(Connection& session, const core::Report& report) {
  const std::string& id = report.migration_id;
  return InTransaction(session, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(
        const Result updated,
        session.Execute("UPDATE vecferry.migration SET state = $2, verify_level = $3 WHERE id = $1 AND ended "
                        "AND state <> 'DROPPED' AND (state <> 'DIFFERENT' OR $2 = 'DIFFERENT' OR "
                        "array_position(ARRAY['counts', 'sample', 'full'], $3) >= "
                        "array_position(ARRAY['counts', 'sample', 'full'], verify_level))",
                        {id, std::string(core::ToString(report.state)), report.verify_level}));
    if (updated.affected() == 0) {
      return absl::FailedPreconditionError(
          absl::StrCat("migration ", id,
                       " has not ended, or its tables are gone, or a more thorough verification found differences"));
    }
    RETURN_IF_ERROR(ForgetFindings(session, id));
    for (const core::CheckReport& check : report.checks) RETURN_IF_ERROR(RecordCheck(session, id, check));
    for (const core::DifferenceReport& difference : report.differences) {
      RETURN_IF_ERROR(RecordDifference(session, id, difference));
    }
    RETURN_IF_ERROR(AddDifferences(session, id, report.differences_more));
    for (const core::RecallReport& recall : report.recall) RETURN_IF_ERROR(RecordRecall(session, id, recall));
    for (const core::TableSize& size : report.sizes) RETURN_IF_ERROR(RecordSize(session, id, size));
    return RecordEvent(session, id, "verified", absl::StrCat(core::ToString(report.state), ", ", report.verify_level));
  });
}

absl::Status LoadFindings(Connection& session, absl::string_view migration_id, core::Report& report) {
  const Param id{std::string(migration_id)};
  ASSIGN_OR_RETURN(const Result checks,
                   session.Execute("SELECT name, table_name, verdict, expected, actual, evidence FROM "
                                   "vecferry.check_result WHERE migration_id = $1 ORDER BY name, table_name",
                                   {id}));
  for (int row = 0; row < checks.rows(); ++row) {
    const auto text = [&](int column) { return std::string(checks.text(row, column)); };
    report.checks.push_back({text(0), text(1), text(2), text(3), text(4), text(5)});
  }
  // A ledger of version 2 is shown as it is.
  ASSIGN_OR_RETURN(const Result newer, session.Execute("SELECT to_regclass('vecferry.difference') IS NOT NULL"));
  if (!newer.truth(0, 0)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Result differences,
                   session.Execute("SELECT table_name, key, columns, kind, detail FROM vecferry.difference "
                                   "WHERE migration_id = $1 ORDER BY id",
                                   {id}));
  for (int row = 0; row < differences.rows(); ++row) {
    const auto text = [&](int column) { return std::string(differences.text(row, column)); };
    report.differences.push_back({text(0), text(1), text(2), text(3), text(4)});
  }
  ASSIGN_OR_RETURN(const Result more,
                   session.Execute("SELECT differences_more FROM vecferry.migration WHERE id = $1", {id}));
  report.differences_more = more.rows() == 0 ? 0 : more.integer(0, 0);
  RETURN_IF_ERROR(LoadRecall(session, id, report));
  return LoadSizes(session, id, report);
}

}  // namespace vecferry::postgres
