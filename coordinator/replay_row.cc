#include "coordinator/replay_row.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/row_error.h"
#include "common/rows/rows.h"
#include "coordinator/replay_sql.h"

namespace vecferry::coordinator {
namespace {

// Deadlocks with the destination's own users; a row that loses this often is an error of the whole command.
constexpr int kAttemptsMax = 5;
// Not waiting for the disk is safe: row and issue are one transaction, and the last one of a replay waits.
constexpr char kBegin[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit TO off";

// A row of one destination table.
struct Piece {
  const core::Mapping* mapping;
  core::ReplayRow row;
};

// A Replayed, or why not.
struct Attempt {
  Replayed outcome = Replayed::kRefused;
  core::RowIssue refusal;
};

Attempt Refuse(absl::string_view kind, std::string column, std::string reason) {
  Attempt attempt;
  attempt.refusal.kind = std::string(kind);
  attempt.refusal.column = std::move(column);
  attempt.refusal.reason = std::move(reason);
  return attempt;
}

// One rejected row under way.
class RowReplay {
 public:
  RowReplay(const ReplayContext& context, const postgres::RejectPlace& place)
      : context_(context), place_(place), mapping_(context.plan.mappings[context.plan.shards[place.shard].mapping]) {}

  absl::StatusOr<Replayed> Run() {
    ASSIGN_OR_RETURN(const std::optional<postgres::Reject> reject, postgres::LockReject(context_.session, place_.id));
    if (!reject) return Replayed::kGone;
    ASSIGN_OR_RETURN(Attempt attempt, Try(*reject));
    if (attempt.outcome == Replayed::kRefused) {
      RETURN_IF_ERROR(postgres::RefuseAgain(context_.session, place_.id, attempt.refusal));
    } else {
      RETURN_IF_ERROR(Note(*reject, attempt.outcome));
    }
    return attempt.outcome;
  }

 private:
  absl::StatusOr<Attempt> Try(const postgres::Reject& reject) {
    ASSIGN_OR_RETURN(const Attempt encoded, Encode(reject));
    if (!encoded.refusal.kind.empty()) return encoded;
    RETURN_IF_ERROR(context_.session.ExecuteScript("SAVEPOINT replayed_row"));
    ASSIGN_OR_RETURN(Attempt attempt, InsertAll());
    if (attempt.outcome == Replayed::kRefused) {
      RETURN_IF_ERROR(
          context_.session.ExecuteScript("ROLLBACK TO SAVEPOINT replayed_row; RELEASE SAVEPOINT replayed_row"));
    } else {
      RETURN_IF_ERROR(context_.session.ExecuteScript("RELEASE SAVEPOINT replayed_row"));
    }
    return attempt;
  }

  // Fills pieces_, or says in the refusal why not.
  absl::StatusOr<Attempt> Encode(const postgres::Reject& reject) {
    core::RawRow raw{reject.source_key_record, "", reject.raw_format, {}};
    RETURN_IF_ERROR(postgres::ReadRaw(context_.session, place_.id, [&raw](absl::string_view part) {
      absl::StrAppend(&raw.raw, part);
      return absl::OkStatus();
    }));
    for (const core::SetValue& set : context_.selection.sets) {
      if (set.table == mapping_.source_table) raw.sets.push_back(set);
    }
    for (const core::Mapping& mapping : context_.plan.mappings) {
      const bool second = !mapping.counted && mapping.counted_by == mapping_.id && reject.raw_format != "copy-tuple";
      if (&mapping != &mapping_ && !second) continue;
      absl::StatusOr<core::ReplayRow> row =
          rows::EncodeAgain(mapping, mapping_, context_.plan.identity.max_row_bytes, raw);
      if (!row.ok()) return Refuse(reject.kind, reject.column, std::string(row.status().message()));
      if (row->fields.empty()) {
        return Refuse(row->issues.front().kind, row->issues.front().column, row->issues.front().reason);
      }
      pieces_.push_back({&mapping, *std::move(row)});
    }
    return Attempt();
  }

  absl::StatusOr<Attempt> InsertAll() {
    Attempt first;
    for (Piece& piece : pieces_) {
      ASSIGN_OR_RETURN(Attempt attempt, Insert(piece));
      if (attempt.outcome == Replayed::kRefused) return attempt;
      if (piece.mapping == &mapping_) first = std::move(attempt);
    }
    // Deferred constraints speak now, while it is this row's fault.
    const absl::Status checked = context_.session.ExecuteScript("SET CONSTRAINTS ALL IMMEDIATE");
    if (postgres::IsRowError(checked)) return RefusedBy(checked);
    RETURN_IF_ERROR(checked);
    return first;
  }

  absl::StatusOr<Attempt> Insert(Piece& piece) {
    std::vector<postgres::Param> fields;
    for (std::optional<std::string>& field : piece.row.fields) {
      fields.push_back(postgres::Param::OptionalBytea(std::exchange(field, std::nullopt)));
    }
    const absl::StatusOr<postgres::Result> inserted =
        context_.session.Execute(InsertRowSql(context_.plan, *piece.mapping), fields);
    if (postgres::IsRowError(inserted.status())) return RefusedBy(inserted.status());
    RETURN_IF_ERROR(inserted.status());
    Attempt attempt;
    if (inserted->rows() > 0) {
      attempt.outcome = Replayed::kInserted;
      return attempt;
    }
    ASSIGN_OR_RETURN(const postgres::Result there,
                     context_.session.Execute(CompareRowSql(context_.plan, *piece.mapping), fields));
    if (there.rows() == 0) return Refuse("trigger", "", "a trigger or rule of the table swallows the row");
    if (!there.text(0, 0).empty()) {
      return Refuse("conflict", "",
                    absl::StrCat("the key is already in ", piece.mapping->destination_table,
                                 " with other content in: ", there.text(0, 0)));
    }
    attempt.outcome = Replayed::kPresent;
    return attempt;
  }

  static Attempt RefusedBy(const absl::Status& status) {
    const std::optional<postgres::SqlError> error = postgres::GetSqlError(status);
    return Refuse(postgres::KindOf(error->sqlstate), error->column, std::string(status.message()));
  }

  // Issue, repairs and counters of a carried row.
  absl::Status Note(const postgres::Reject& reject, Replayed outcome) {
    std::string reason = reject.reason;
    for (const core::SetValue& set : context_.selection.sets) {
      if (set.table == mapping_.source_table) absl::StrAppend(&reason, core::kCarriedWithAnother, set.column);
    }
    RETURN_IF_ERROR(postgres::MarkReplayed(context_.session, place_.id, reason));
    ASSIGN_OR_RETURN(bool repaired, postgres::WasRepaired(context_.session, context_.migration_id, place_.shard,
                                                          reject.source_key_record));
    core::Counters moved;
    for (const Piece& piece : pieces_) {
      // What is wrong with a second row is told with the first.
      if (piece.mapping != &mapping_) continue;
      if (!repaired) {
        RETURN_IF_ERROR(
            postgres::InsertIssues(context_.session, context_.migration_id, place_.shard, piece.row.issues));
      }
      repaired = repaired || piece.row.repaired;
      moved.values_rounded = piece.row.values_rounded;
      moved.bytes = piece.row.bytes;
    }
    // A second row counts only while it is rejected.
    if (!mapping_.counted) moved = {};
    if (mapping_.counted) {
      moved.inserted = outcome == Replayed::kInserted ? 1 : 0;
      moved.present = outcome == Replayed::kPresent ? 1 : 0;
      moved.repaired = repaired ? 1 : 0;
    }
    return postgres::MoveFromRejected(context_.session, context_.migration_id, place_.shard, moved);
  }

  const ReplayContext& context_;
  const postgres::RejectPlace place_;
  const core::Mapping& mapping_;
  std::vector<Piece> pieces_;
};

absl::StatusOr<Replayed> InItsTransaction(const ReplayContext& context, const postgres::RejectPlace& place) {
  RETURN_IF_ERROR(context.session.ExecuteScript(kBegin));
  absl::StatusOr<Replayed> outcome = RowReplay(context, place).Run();
  if (!outcome.ok()) {
    context.session.ExecuteScript("ROLLBACK").IgnoreError();  // the first error is the one to tell
    return outcome;
  }
  base::FaultPoint("replay.before_commit");
  RETURN_IF_ERROR(context.session.ExecuteScript("COMMIT"));
  base::FaultPoint("replay.after_commit");
  return outcome;
}

}  // namespace

absl::StatusOr<Replayed> ReplayRow(const ReplayContext& context, const postgres::RejectPlace& place) {
  if (context.selection.dry_run) return RowReplay(context, place).Run();
  absl::StatusOr<Replayed> outcome = InItsTransaction(context, place);
  for (int attempt = 1; attempt < kAttemptsMax; ++attempt) {
    // Postgres asks to run the transaction again; a lost migration has the same code, but no SQLSTATE.
    if (!absl::IsAborted(outcome.status()) || !postgres::GetSqlError(outcome.status())) break;
    outcome = InItsTransaction(context, place);
  }
  return outcome;
}

}  // namespace vecferry::coordinator
