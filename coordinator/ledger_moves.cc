#include "coordinator/ledger_moves.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::coordinator {
namespace {

constexpr std::size_t kFindingsHeldMax = 200;

std::string IntegerArray(const std::set<int>& numbers) { return absl::StrCat("{", absl::StrJoin(numbers, ","), "}"); }

}  // namespace

absl::Status CheckEpoch(postgres::Connection& session, absl::string_view migration_id, std::uint64_t epoch) {
  ASSIGN_OR_RETURN(const postgres::Result found,
                   session.Execute("SELECT FROM vecferry.migration WHERE id = $1 AND coordinator_epoch = $2",
                                   {std::string(migration_id), static_cast<std::int64_t>(epoch)}));
  if (found.rows() == 1) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("migration ", migration_id, " is no longer driven from here (epoch ", epoch, ")"));
}

absl::Status HaltMigration(postgres::Connection& session, absl::string_view migration_id, core::State halted) {
  const std::string id(migration_id);
  ASSIGN_OR_RETURN(const postgres::Result updated,
                   session.Execute("UPDATE vecferry.migration SET state = $2, failure = '', "
                                   "coordinator_epoch = coordinator_epoch + 1 WHERE id = $1 AND NOT ended",
                                   {id, std::string(core::ToString(halted))}));
  if (updated.affected() == 0) {
    return absl::FailedPreconditionError(absl::StrCat("migration ", id, " ended a moment ago"));
  }
  RETURN_IF_ERROR(postgres::RecordEvent(session, migration_id, core::ToString(halted), ""));
  return FenceWriters(session, migration_id);
}

absl::Status FenceWriters(postgres::Connection& session, absl::string_view migration_id) {
  // A writer that hangs within its commit holds its shard's row: its session must end before the row can change.
  RETURN_IF_ERROR(postgres::TerminateLeftovers(session, migration_id));
  return postgres::InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(session.ExecuteScript("SET LOCAL lock_timeout = '5s'"));
    return session
        .Execute(
            "UPDATE vecferry.shard SET lease_epoch = lease_epoch + 1, lease_until = NULL "
            "WHERE migration_id = $1 AND NOT done",
            {std::string(migration_id)})
        .status();
  });
}

absl::Status MoveToRejected(postgres::Connection& session, absl::string_view migration_id, int shard, std::int64_t rows,
                            std::int64_t after) {
  return session
      .Execute(
          "UPDATE vecferry.shard SET inserted = inserted - $3, rejected = rejected + $3, repaired = repaired -"
          " (SELECT count(DISTINCT told.source_key_record) FROM vecferry.row_issue told JOIN vecferry.row_issue gone"
          "  USING (migration_id, shard, source_key_record) WHERE told.migration_id = $1 AND told.shard = $2"
          "  AND told.action = 'repaired' AND gone.action = 'rejected' AND gone.id > $4)"
          " WHERE migration_id = $1 AND shard = $2",
          {std::string(migration_id), static_cast<std::int64_t>(shard), rows, after})
      .status();
}

absl::Status ResetMappings(postgres::Connection& session, absl::string_view migration_id,
                           const std::set<int>& mappings) {
  const std::string id(migration_id);
  RETURN_IF_ERROR(session
                      .Execute("DELETE FROM vecferry.row_issue WHERE migration_id = $1 AND shard IN (SELECT shard FROM "
                               "vecferry.shard WHERE migration_id = $1 AND mapping = ANY ($2::integer[]))",
                               {id, IntegerArray(mappings)})
                      .status());
  return session
      .Execute(
          "UPDATE vecferry.shard SET lease_epoch = lease_epoch + 1, stream_epoch = stream_epoch + 1, "
          "next_sequence = 0, last_key = NULL, done = false, rows_read = 0, inserted = 0, present = 0, updated = 0, "
          "conflicting = 0, repaired = 0, rejected = 0, values_rounded = 0, bytes = 0, source_count = 0, "
          "source_sum = DEFAULT WHERE migration_id = $1 AND mapping = ANY ($2::integer[])",
          {id, IntegerArray(mappings)})
      .status();
}

absl::StatusOr<std::set<int>> MappingsWithOrphans(postgres::Connection& session, absl::string_view migration_id) {
  ASSIGN_OR_RETURN(const postgres::Result found,
                   session.Execute("SELECT DISTINCT s.mapping FROM vecferry.row_issue i JOIN vecferry.shard s "
                                   "ON s.migration_id = i.migration_id AND s.shard = i.shard "
                                   "WHERE i.migration_id = $1 AND i.kind = 'foreign_key' AND i.action = 'rejected'",
                                   {std::string(migration_id)}));
  std::set<int> mappings;
  for (int i = 0; i < found.rows(); ++i) mappings.insert(static_cast<int>(found.integer(i, 0)));
  return mappings;
}

absl::Status BeginChecks(postgres::Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                         absl::string_view level) {
  return postgres::InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(postgres::SetVerifyLevel(session, migration_id, epoch, level));
    return postgres::ForgetFindings(session, migration_id);
  });
}

absl::Status StoredFindings::Add(Record record) {
  pending_.push_back(std::move(record));
  return pending_.size() < kFindingsHeldMax ? absl::OkStatus() : Store();
}

absl::Status StoredFindings::Store() {
  if (pending_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(with_ledger_([&](postgres::Connection& session, std::uint64_t epoch) {
    return postgres::InTransaction(session, [&]() -> absl::Status {
      RETURN_IF_ERROR(CheckEpoch(session, migration_id_, epoch));
      for (const Record& record : pending_) RETURN_IF_ERROR(record(session));
      return absl::OkStatus();
    });
  }));
  pending_.clear();
  return absl::OkStatus();
}

absl::Status StoredFindings::Tell(const core::CheckReport& check) {
  different_ = different_ || check.verdict == "fail";
  return Add(
      [this, check](postgres::Connection& session) { return postgres::RecordCheck(session, migration_id_, check); });
}

absl::Status StoredFindings::Tell(const core::DifferenceReport& difference) {
  if (named_ == core::kDifferencesMax) {
    ++more_;
    return absl::OkStatus();
  }
  ++named_;
  return Add([this, difference](postgres::Connection& session) {
    return postgres::RecordDifference(session, migration_id_, difference);
  });
}

absl::Status StoredFindings::Tell(const core::RecallReport& recall) {
  return Add(
      [this, recall](postgres::Connection& session) { return postgres::RecordRecall(session, migration_id_, recall); });
}

absl::Status StoredFindings::Tell(const core::TableSize& size) {
  return Add(
      [this, size](postgres::Connection& session) { return postgres::RecordSize(session, migration_id_, size); });
}

absl::Status StoredFindings::TellStep(absl::string_view step) {
  on_step_(step);
  return Store();
}

absl::Status StoredFindings::Finish() {
  if (more_ > 0) {
    RETURN_IF_ERROR(
        Add([this](postgres::Connection& session) { return postgres::AddDifferences(session, migration_id_, more_); }));
  }
  return Store();
}

}  // namespace vecferry::coordinator
