#include "common/postgres/ledger_rejects.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace vecferry::postgres {
namespace {

// In the order of ReadReject.
constexpr char kColumns[] =
    "id, shard, source_table, source_key, source_key_record, source_rowid, destination_table, column_name, kind, "
    "reason, raw_format";
constexpr int kWaitingRowsMax = 100'000;  // read at once, however short they are
constexpr char kHoldsRow[] = "raw_format IN ('sqlite-record', 'copy-tuple')";

Reject ReadReject(const Result& result, int row) {
  Reject read;
  read.id = result.integer(row, 0);
  read.shard = static_cast<int>(result.integer(row, 1));
  read.source_table = std::string(result.text(row, 2));
  read.source_key = std::string(result.text(row, 3));
  read.source_key_record = result.bytea(row, 4);
  if (!result.is_null(row, 5)) read.source_rowid = result.integer(row, 5);
  read.destination_table = std::string(result.text(row, 6));
  read.column = std::string(result.text(row, 7));
  read.kind = std::string(result.text(row, 8));
  read.reason = std::string(result.text(row, 9));
  read.raw_format = std::string(result.text(row, 10));
  return read;
}

absl::StatusOr<std::map<std::string, std::int64_t>> ReadCounts(absl::StatusOr<Result> counts) {
  RETURN_IF_ERROR(counts.status());
  std::map<std::string, std::int64_t> by_kind;
  for (int row = 0; row < counts->rows(); ++row) {
    by_kind[std::string(counts->text(row, 0))] = counts->integer(row, 1);
  }
  return by_kind;
}

}  // namespace

bool HoldsRow(absl::string_view raw_format) { return raw_format == "sqlite-record" || raw_format == "copy-tuple"; }

absl::StatusOr<std::vector<Reject>> ListRejects(Connection& session, absl::string_view migration_id, std::int64_t after,
                                                int limit) {
  ASSIGN_OR_RETURN(const Result found,
                   session.Execute(absl::StrCat("SELECT ", kColumns,
                                                " FROM vecferry.row_issue WHERE migration_id = $1 AND action = "
                                                "'rejected' AND id > $2 ORDER BY id LIMIT $3"),
                                   {std::string(migration_id), after, std::int64_t{limit}}));
  std::vector<Reject> rejects;
  for (int row = 0; row < found.rows(); ++row) rejects.push_back(ReadReject(found, row));
  return rejects;
}

absl::StatusOr<std::map<std::string, std::int64_t>> CountRejectsByKind(Connection& session,
                                                                       absl::string_view migration_id) {
  return ReadCounts(session.Execute(
      "SELECT kind, count(*) FROM vecferry.row_issue WHERE migration_id = $1 AND action = 'rejected' GROUP BY kind",
      {std::string(migration_id)}));
}

absl::Status ReadRaw(Connection& session, std::int64_t issue,
                     absl::FunctionRef<absl::Status(absl::string_view)> on_part) {
  ASSIGN_OR_RETURN(const Result whole, session.Execute("SELECT raw FROM vecferry.row_issue WHERE id = $1", {issue}));
  if (whole.rows() > 0 && !whole.is_null(0, 0)) return on_part(whole.bytea(0, 0));
  for (std::int64_t number = 0;; ++number) {
    ASSIGN_OR_RETURN(const Result part,
                     session.Execute("SELECT bytes FROM vecferry.row_issue_raw_part WHERE issue_id = $1 AND part = $2",
                                     {issue, number}));
    if (part.rows() == 0) return absl::OkStatus();
    RETURN_IF_ERROR(on_part(part.bytea(0, 0)));
  }
}

absl::StatusOr<std::vector<RejectPlace>> SelectRejects(Connection& session, absl::string_view migration_id,
                                                       const std::string& source_table, const std::string& kind,
                                                       std::int64_t issue) {
  ASSIGN_OR_RETURN(const Result found,
                   session.Execute(absl::StrCat("SELECT id, shard, ", kHoldsRow,
                                                " FROM vecferry.row_issue WHERE migration_id = $1 AND action = "
                                                "'rejected' AND $2 IN ('', source_table) AND $3 IN ('', kind) AND "
                                                "$4::bigint IN (0, id) ORDER BY id"),
                                   {std::string(migration_id), core::SanitizeText(source_table), kind, issue}));
  std::vector<RejectPlace> places;
  for (int row = 0; row < found.rows(); ++row) {
    places.push_back({found.integer(row, 0), static_cast<int>(found.integer(row, 1)), found.truth(row, 2)});
  }
  return places;
}

absl::StatusOr<std::optional<Reject>> LockReject(Connection& session, std::int64_t issue) {
  ASSIGN_OR_RETURN(const Result locked,
                   session.Execute(absl::StrCat("SELECT ", kColumns,
                                                " FROM vecferry.row_issue WHERE id = $1 AND action = 'rejected' FOR "
                                                "UPDATE"),
                                   {issue}));
  if (locked.rows() == 0) return std::optional<Reject>();
  return std::optional<Reject>(ReadReject(locked, 0));
}

absl::Status MarkReplayed(Connection& session, std::int64_t issue, const std::string& reason) {
  return session
      .Execute("UPDATE vecferry.row_issue SET action = 'replayed', reason = $2 WHERE id = $1",
               {issue, core::SanitizeText(reason)})
      .status();
}

absl::Status MoveFromRejected(Connection& session, absl::string_view migration_id, int shard,
                              const core::Counters& moved) {
  return session
      .Execute(
          "UPDATE vecferry.shard SET rejected = greatest(rejected - 1, 0), inserted = inserted + $3, present = present "
          "+ $4, "
          "updated = updated + $5, repaired = repaired + $6, values_rounded = values_rounded + $7, bytes = bytes "
          "+ $8 WHERE migration_id = $1 AND shard = $2",
          {std::string(migration_id), std::int64_t{shard}, moved.inserted, moved.present, moved.updated, moved.repaired,
           moved.values_rounded, moved.bytes})
      .status();
}

absl::StatusOr<bool> WasRepaired(Connection& session, absl::string_view migration_id, int shard,
                                 const std::string& source_key_record) {
  ASSIGN_OR_RETURN(const Result found,
                   session.Execute("SELECT FROM vecferry.row_issue WHERE migration_id = $1 AND shard = $2 AND "
                                   "source_key_record = $3 AND action = 'repaired' LIMIT 1",
                                   {std::string(migration_id), std::int64_t{shard}, Param::Bytea(source_key_record)}));
  return found.rows() > 0;
}

absl::Status RefuseAgain(Connection& session, std::int64_t issue, const core::RowIssue& refusal) {
  return session
      .Execute(
          "UPDATE vecferry.row_issue SET kind = $2, column_name = $3, reason = $4 WHERE id = $1 AND (kind, "
          "column_name, reason) IS DISTINCT FROM ($2, $3, $4)",
          {issue, core::SanitizeText(refusal.kind), core::SanitizeText(refusal.column),
           core::SanitizeText(refusal.reason)})
      .status();
}

absl::StatusOr<WaitingCount> CountWaiting(Connection& session, absl::string_view migration_id) {
  ASSIGN_OR_RETURN(
      const Result counts,
      session.Execute("SELECT shard, count(*) FROM vecferry.row_issue WHERE migration_id = $1 AND action = "
                      "'rejected' AND kind = $2 GROUP BY shard ORDER BY shard",
                      {std::string(migration_id), core::kWaiting}));
  WaitingCount waiting;
  for (int row = 0; row < counts.rows(); ++row) {
    waiting.shards.push_back(static_cast<int>(counts.integer(row, 0)));
    waiting.rows += counts.integer(row, 1);
  }
  return waiting;
}

absl::StatusOr<std::vector<WaitingRow>> ReadWaiting(Connection& session, absl::string_view migration_id, int shard,
                                                    std::int64_t after, std::int64_t bytes_max) {
  ASSIGN_OR_RETURN(
      const Result found,
      session.Execute(
          absl::StrCat(
              "SELECT id, raw FROM (SELECT id, raw, sum(bytes) OVER (ORDER BY id) - bytes AS before FROM (SELECT "
              "id, raw, coalesce(octet_length(raw), (SELECT sum(octet_length(p.bytes)) FROM "
              "vecferry.row_issue_raw_part p WHERE p.issue_id = i.id)) AS bytes FROM vecferry.row_issue i WHERE "
              "migration_id = $1 AND shard = $2 AND action = 'rejected' AND kind = $3 AND id > $4 ORDER BY id "
              "LIMIT ",
              kWaitingRowsMax, ") sized) summed WHERE before < $5 ORDER BY id"),
          {std::string(migration_id), std::int64_t{shard}, core::kWaiting, after, bytes_max}));
  std::vector<WaitingRow> rows(static_cast<std::size_t>(found.rows()));
  for (int row = 0; row < found.rows(); ++row) {
    WaitingRow& read = rows[static_cast<std::size_t>(row)];
    read.issue = found.integer(row, 0);
    read.tuple = found.bytea(row, 1);
    if (!found.is_null(row, 1)) continue;
    RETURN_IF_ERROR(ReadRaw(session, read.issue, [&read](absl::string_view part) {
      absl::StrAppend(&read.tuple, part);
      return absl::OkStatus();
    }));
  }
  return rows;
}

absl::Status MarkWaitingReplayed(Connection& session, absl::string_view migration_id, int shard, bool counted,
                                 const std::vector<std::int64_t>& issues, const core::Counters& moved) {
  const std::string ids = absl::StrCat("{", absl::StrJoin(issues, ","), "}");
  ASSIGN_OR_RETURN(
      const Result marked,
      session.Execute("UPDATE vecferry.row_issue SET action = 'replayed' WHERE id = ANY ($1::bigint[]) AND "
                      "action = 'rejected' AND kind = $2",
                      {ids, core::kWaiting}));
  const auto carried = static_cast<std::int64_t>(issues.size());
  if (marked.affected() != carried) {
    return absl::AbortedError(absl::StrCat("of ", carried, " rows that waited, ", marked.affected(), " still do"));
  }
  const Param id{std::string(migration_id)};
  if (!counted) {
    return session
        .Execute(
            "UPDATE vecferry.shard SET rejected = rejected - $3 - $4, conflicting = conflicting + $4 WHERE "
            "migration_id "
            "= $1 AND shard = $2",
            {id, std::int64_t{shard}, carried, moved.conflicting})
        .status();
  }
  return session
      .Execute(
          "UPDATE vecferry.shard SET rejected = rejected - $3 - $4, conflicting = conflicting + $4, inserted = "
          "inserted "
          "+ $5, present = present + $6, updated = updated + $7, repaired = repaired + (SELECT "
          "count(DISTINCT told.source_key_record) FROM vecferry.row_issue told JOIN vecferry.row_issue came USING "
          "(migration_id, shard, source_key_record) WHERE told.migration_id = $1 AND told.shard = $2 AND told.action = "
          "'repaired' AND came.id = ANY ($8::bigint[])) WHERE migration_id = $1 AND shard = $2",
          {id, std::int64_t{shard}, carried, moved.conflicting, moved.inserted, moved.present, moved.updated, ids})
      .status();
}

absl::Status MarkConflicting(Connection& session, std::int64_t issue, const std::string& reason) {
  RETURN_IF_ERROR(session.Execute("DELETE FROM vecferry.row_issue_raw_part WHERE issue_id = $1", {issue}).status());
  return session
      .Execute(
          "UPDATE vecferry.row_issue SET action = 'skipped', kind = 'conflict', reason = $2, raw = NULL, raw_format = "
          "'' "
          "WHERE id = $1",
          {issue, core::SanitizeText(reason)})
      .status();
}

absl::StatusOr<StillRejected> ReadStillRejected(Connection& session, absl::Span<const std::int64_t> issues, int limit) {
  const std::string ids = absl::StrCat("{", absl::StrJoin(issues, ","), "}");
  StillRejected still;
  ASSIGN_OR_RETURN(still.by_kind,
                   ReadCounts(session.Execute("SELECT kind, count(*) FROM vecferry.row_issue WHERE id = ANY "
                                              "($1::bigint[]) AND action = 'rejected' GROUP BY kind",
                                              {ids})));
  ASSIGN_OR_RETURN(const Result first,
                   session.Execute("SELECT source_table, source_key, column_name, kind, action, reason FROM "
                                   "vecferry.row_issue WHERE id = ANY ($1::bigint[]) AND action = 'rejected' ORDER BY "
                                   "id LIMIT $2",
                                   {ids, std::int64_t{limit}}));
  for (int row = 0; row < first.rows(); ++row) {
    const auto text = [&](int column) { return std::string(first.text(row, column)); };
    still.first.push_back({text(0), text(1), text(2), text(3), text(4), text(5)});
  }
  return still;
}

}  // namespace vecferry::postgres
