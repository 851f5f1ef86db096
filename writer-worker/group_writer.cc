#include "writer-worker/group_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/load/refused_group.h"
#include "common/postgres/ledger.h"
#include "common/postgres/row_error.h"
#include "writer-worker/row_refusal.h"

namespace vecferry::writer {
namespace {

// Not waiting for the disk is safe: docs/adr/0013.
constexpr char kBegin[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit TO off";
// Deadlocks with the destination's own users: a group that loses this often is given back to the reader.
constexpr int kAttemptsMax = 5;

// Postgres asks to run the transaction again (SQLSTATE class 40); a lost lease has the same code, but no SQLSTATE.
bool AsksForRetry(const absl::Status& status) {
  return absl::IsAborted(status) && postgres::GetSqlError(status).has_value();
}

bool IsRejection(const core::RowIssue& issue) { return issue.action == core::IssueAction::kRejected; }

}  // namespace

GroupWriter::GroupWriter(postgres::Connection& session, StreamTarget target, const core::Mapping& mapping,
                         core::Checkpoint committed)
    : session_(session),
      target_(std::move(target)),
      mapping_(mapping),
      loader_(session_, target_.schema, mapping_, target_.on_conflict),
      spans_(target_.spans_max, session_.database(), mapping_.destination_table),
      committed_(std::move(committed)) {}

absl::Status GroupWriter::Add(rpc::Batch batch) {
  const std::uint64_t expected = batches_.empty() ? committed_.next_sequence : batches_.back().sequence + 1;
  const std::optional<std::string>& last_key = batches_.empty() ? committed_.last_key : batches_.back().last_key;
  if (batch.sequence != expected) {
    return absl::FailedPreconditionError(
        absl::StrCat("shard ", target_.shard, " expects batch ", expected, ", got ", batch.sequence));
  }
  if (batch.key_before_first != last_key) {
    return absl::FailedPreconditionError(
        absl::StrCat("batch ", batch.sequence, " of shard ", target_.shard, " does not begin after the last key"));
  }
  bytes_ += rpc::HeldBytes(batch);
  batches_.push_back(std::move(batch));
  if (refused_ || batches_.back().tuples.empty()) return absl::OkStatus();
  const absl::Status status = Relay(batches_.back());
  if (!status.ok()) spans_.EndCopy(status, Size());
  if (!postgres::IsRowError(status) && !AsksForRetry(status)) return status;
  refused_ = true;
  loading_ = false;
  return absl::OkStatus();
}

absl::Status GroupWriter::BeginLoad() {
  spans_.BeginCopy();
  RETURN_IF_ERROR(session_.ExecuteScript(kBegin));
  RETURN_IF_ERROR(loader_.Begin());
  loading_ = true;
  return absl::OkStatus();
}

absl::Status GroupWriter::Relay(const rpc::Batch& batch) {
  if (!loading_) RETURN_IF_ERROR(BeginLoad());
  return loader_.Put(batch.tuples);
}

GroupSize GroupWriter::Size() const {
  GroupSize size;
  for (const rpc::Batch& batch : batches_) {
    size.rows += batch.tuple_bytes.size();
    size.bytes += batch.tuples.size();
  }
  return size;
}

absl::StatusOr<core::Checkpoint> GroupWriter::Commit() {
  tuples_.clear();
  sources_.clear();
  for (const rpc::Batch& batch : batches_) {
    std::size_t at = 0;
    for (std::size_t row = 0; row < batch.tuple_bytes.size(); ++row) {
      tuples_.push_back(absl::string_view(batch.tuples).substr(at, batch.tuple_bytes[row]));
      sources_.push_back(&batch.sources[row]);
      at += batch.tuple_bytes[row];
    }
  }
  core::Checkpoint after;
  const absl::Status status = CommitWithRetries(&after);
  spans_.EndGroup(status, Size());
  RETURN_IF_ERROR(status);
  committed_ = after;
  batches_.clear();
  tuples_.clear();
  sources_.clear();
  bytes_ = 0;
  loading_ = refused_ = false;
  return committed_;
}

absl::Status GroupWriter::CommitWithRetries(core::Checkpoint* after) {
  absl::Status status = CommitOnce(after);
  for (int attempt = 1; AsksForRetry(status) && attempt < kAttemptsMax; ++attempt) {
    refused_ = true;  // the COPY is gone: from here on the kept batches are loaded
    status = CommitOnce(after);
  }
  return status;
}

absl::Status GroupWriter::CommitOnce(core::Checkpoint* after) {
  absl::StatusOr<Carried> carried = refused_ ? TakeApart(/*from_stage=*/false) : FinishLoad();
  if (!refused_ && postgres::IsRowError(carried.status())) carried = TakeApart(/*from_stage=*/false);
  RETURN_IF_ERROR(carried.status());
  *after = CheckpointAfter(*carried);
  return CommitCarried(*carried, *after);
}

absl::StatusOr<GroupWriter::Carried> GroupWriter::FinishLoad() {
  Carried carried;
  if (!std::exchange(loading_, false)) {
    RETURN_IF_ERROR(session_.ExecuteScript(kBegin));
    return carried;
  }
  const absl::StatusOr<load::LoadOutcome> outcome = loader_.EndCopy(static_cast<std::int64_t>(tuples_.size()));
  spans_.EndCopy(outcome.status(), Size());
  RETURN_IF_ERROR(outcome.status());
  if (loader_.merges()) return TakeApart(/*from_stage=*/true);
  RETURN_IF_ERROR(Note(*outcome, carried));
  return carried;
}

absl::StatusOr<GroupWriter::Carried> GroupWriter::TakeApart(bool from_stage) {
  if (!from_stage) {
    if (session_.in_transaction()) RETURN_IF_ERROR(session_.ExecuteScript("ROLLBACK"));
    RETURN_IF_ERROR(session_.ExecuteScript(kBegin));
  }
  Carried carried;
  const auto note = [&](const load::LoadOutcome& outcome) { return Note(outcome, carried); };
  const auto reject = [&](std::size_t place, const absl::Status& why) { return Reject(place, why, carried); };
  const auto wait = [&](std::size_t place) { Wait(place, carried); };
  load::RefusedGroup group(session_, loader_, note, reject, wait);
  RETURN_IF_ERROR(from_stage ? group.CarryStaged(tuples_.size()) : group.Carry(tuples_));
  return carried;
}

absl::Status GroupWriter::Note(const load::LoadOutcome& outcome, Carried& carried) {
  carried.inserted += outcome.inserted;
  carried.present += outcome.present;
  carried.updated += outcome.updated;
  carried.conflicting += static_cast<std::int64_t>(outcome.conflicting.size());
  for (const auto& [place, columns] : outcome.conflicting) {
    core::RowIssue issue = MakeConflict(mapping_, *sources_[place], columns);
    if (target_.on_conflict == load::OnConflict::kFail) {
      return absl::AlreadyExistsError(absl::StrCat("row ", core::SanitizeText(issue.source_key), " of ",
                                                   mapping_.source_table, ": ", issue.reason,
                                                   " (--on-conflict skip or update would go on)"));
    }
    carried.issues.push_back(std::move(issue));
  }
  return absl::OkStatus();
}

void GroupWriter::Wait(std::size_t place, Carried& carried) {
  carried.issues.push_back(MakeWaiting(mapping_, *sources_[place], tuples_[place]));
  ++carried.rejected;
  ++carried.waiting;
  if (sources_[place]->repaired) ++carried.repaired_lost;
}

absl::Status GroupWriter::Reject(std::size_t place, const absl::Status& status, Carried& carried) {
  if (loader_.Waits(status)) {
    Wait(place, carried);
    return absl::OkStatus();
  }
  const rpc::TupleSource& source = *sources_[place];
  carried.issues.push_back(MakeRejection(mapping_, source, tuples_[place], status));
  ++carried.rejected;
  if (source.repaired) ++carried.repaired_lost;
  // A table that refuses everything must not be tried row by row to its end.
  if (carried.rejected - carried.waiting <= target_.rejects_max) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat(
      "more than ", target_.rejects_max, " rejected rows (--max-rejects); the last: ", mapping_.source_table, " ",
      core::SanitizeText(carried.issues.back().source_key), ": ", status.message()));
}

core::Checkpoint GroupWriter::CheckpointAfter(const Carried& carried) const {
  core::Checkpoint after = committed_;
  core::Counters& n = after.counters;
  for (const rpc::Batch& batch : batches_) {
    after.next_sequence = batch.sequence + 1;
    after.last_key = batch.last_key;
    after.done = batch.end_of_shard;
    after.source_count += static_cast<std::int64_t>(batch.rows_read);
    after.source_sum += batch.source_sum;
    // Another mapping counts the rows of an uncounted one. What is wrong with its own second rows is counted here.
    if (!mapping_.counted) {
      n.rejected += std::count_if(batch.issues.begin(), batch.issues.end(), IsRejection);
      continue;
    }
    n.read += static_cast<std::int64_t>(batch.rows_read);
    n.repaired += static_cast<std::int64_t>(batch.rows_repaired);
    n.rejected += static_cast<std::int64_t>(batch.rows_rejected);
    n.values_rounded += static_cast<std::int64_t>(batch.values_rounded);
    n.bytes += static_cast<std::int64_t>(batch.tuples.size());
  }
  n.conflicting += carried.conflicting;
  n.rejected += carried.rejected;
  if (!mapping_.counted) return after;
  n.inserted += carried.inserted;
  n.present += carried.present;
  n.updated += carried.updated;
  n.repaired -= carried.repaired_lost;
  return after;
}

absl::Status GroupWriter::CheckRejects(const Carried& carried, const core::Checkpoint& after) {
  if (after.counters.rejected == committed_.counters.rejected + carried.waiting) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::int64_t rejected, postgres::CountRejected(session_, target_.migration_id));
  if (rejected <= target_.rejects_max) return absl::OkStatus();
  std::string last;
  const auto look_at = [&last](const std::vector<core::RowIssue>& issues) {
    for (const core::RowIssue& issue : issues) {
      if (!IsRejection(issue) || issue.kind == core::kWaiting) continue;
      last = absl::StrCat("; the last: ", issue.source_table, " ", issue.source_key, ": ", issue.reason);
    }
  };
  look_at(batches_.back().issues);
  look_at(carried.issues);
  return absl::OutOfRangeError(
      absl::StrCat("more than ", target_.rejects_max, " rejected rows (--max-rejects)", core::SanitizeText(last)));
}

absl::Status GroupWriter::CommitCarried(const Carried& carried, const core::Checkpoint& after) {
  spans_.BeginCommit();
  for (const rpc::Batch& batch : batches_) {
    RETURN_IF_ERROR(postgres::InsertIssues(session_, target_.migration_id, target_.shard, batch.issues));
  }
  RETURN_IF_ERROR(postgres::InsertIssues(session_, target_.migration_id, target_.shard, carried.issues));
  postgres::Advance advance;
  advance.first_sequence = committed_.next_sequence;
  advance.last_sequence = after.next_sequence - 1;
  advance.key_before_first = committed_.last_key;
  advance.after = after;
  RETURN_IF_ERROR(postgres::AdvanceShard(session_, target_.migration_id, target_.shard, target_.lease_epoch,
                                         target_.stream_epoch, advance));
  RETURN_IF_ERROR(CheckRejects(carried, after));
  base::FaultPoint("writer.after_copy_before_commit");
  RETURN_IF_ERROR(session_.ExecuteScript("COMMIT"));
  base::FaultPoint("writer.after_commit_before_ack");
  return absl::OkStatus();
}

}  // namespace vecferry::writer
