#include "coordinator/waiting_rows.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/load/loader.h"
#include "common/load/refused_group.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_rejects.h"
#include "common/postgres/ledger_sql.h"
#include "common/postgres/row_error.h"
#include "coordinator/ledger_moves.h"

namespace vecferry::coordinator {
namespace {

// Deadlocks with the destination's own users; a group that loses this often is an error of the whole command.
constexpr int kAttemptsMax = 5;

constexpr std::int64_t kBytesATime = 8 << 20;  // of tuples, in memory at once

// What one transaction did with a shard's waiting rows, by their places.
struct Moved {
  core::Counters counters;
  std::vector<std::pair<std::size_t, std::string>> conflicting;  // with the differing columns
  std::vector<std::pair<std::size_t, absl::Status>> refused;
  std::vector<std::size_t> waiting;
};

// All waiting rows of one shard, as one group: whichever order they came in, those that refer to one another go there
// together. `mapping` tells by its waiting_keys which rows may go on waiting.
class WaitingShard {
 public:
  WaitingShard(const FinishContext& context, const core::Mapping& mapping, int shard, load::OnConflict on_conflict)
      : context_(context),
        mapping_(mapping),
        shard_(shard),
        on_conflict_(on_conflict),
        loader_(context.session, context.plan.identity.destination_schema, mapping, on_conflict) {}

  // Returns how many no longer wait.
  absl::StatusOr<std::int64_t> Carry() {
    RETURN_IF_ERROR(loader_.Prepare());
    std::int64_t settled = 0;
    absl::Status status;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      status = postgres::InTransaction(context_.session, [&]() -> absl::Status {
        RETURN_IF_ERROR(CheckEpoch(context_.session, context_.migration_id, context_.coordinator_epoch));
        RETURN_IF_ERROR(Stage());
        ASSIGN_OR_RETURN(const Moved moved, Merge());
        RETURN_IF_ERROR(WriteDown(moved));
        settled = static_cast<std::int64_t>(issues_.size() - moved.waiting.size());
        base::FaultPoint("replay.before_commit");
        return absl::OkStatus();
      });
      // Postgres asks to run the transaction again; a lost migration has the same code, but no SQLSTATE.
      if (!absl::IsAborted(status) || !postgres::GetSqlError(status)) break;
    }
    RETURN_IF_ERROR(status);
    base::FaultPoint("replay.after_commit");
    RETURN_IF_ERROR(loader_.Close());
    return settled;
  }

 private:
  absl::Status Stage() {
    issues_.clear();
    while (true) {
      if (context_.stopping()) return absl::CancelledError("stopped while carrying rows whose parent came later");
      ASSIGN_OR_RETURN(const std::vector<postgres::WaitingRow> rows,
                       postgres::ReadWaiting(context_.session, context_.migration_id, shard_,
                                             issues_.empty() ? 0 : issues_.back(), kBytesATime));
      if (rows.empty()) return absl::OkStatus();
      RETURN_IF_ERROR(loader_.Begin(issues_.size()));
      for (const postgres::WaitingRow& row : rows) {
        issues_.push_back(row.issue);
        RETURN_IF_ERROR(loader_.Put(row.tuple));
      }
      RETURN_IF_ERROR(loader_.EndCopy(static_cast<std::int64_t>(rows.size())).status());
    }
  }

  absl::StatusOr<Moved> Merge() {
    Moved moved;
    const auto note = [&](const load::LoadOutcome& outcome) {
      moved.counters.inserted += outcome.inserted;
      moved.counters.present += outcome.present;
      moved.counters.updated += outcome.updated;
      moved.conflicting.insert(moved.conflicting.end(), outcome.conflicting.begin(), outcome.conflicting.end());
      return absl::OkStatus();
    };
    const auto reject = [&](std::size_t place, const absl::Status& why) {
      if (loader_.Waits(why)) {
        moved.waiting.push_back(place);
        return absl::OkStatus();
      }
      moved.refused.emplace_back(place, why);
      // A table that refuses everything must not be tried row by row to its end.
      return static_cast<std::int64_t>(moved.refused.size()) > context_.rejects_max ? TooMany(why) : absl::OkStatus();
    };
    const auto wait = [&](std::size_t place) { moved.waiting.push_back(place); };
    RETURN_IF_ERROR(load::RefusedGroup(context_.session, loader_, note, reject, wait).CarryStaged(issues_.size()));
    return moved;
  }

  absl::Status WriteDown(Moved moved) {
    std::vector<bool> carried(issues_.size(), true);
    for (const std::size_t place : moved.waiting) carried[place] = false;
    for (const auto& [place, why] : moved.refused) {
      carried[place] = false;
      RETURN_IF_ERROR(postgres::RefuseAgain(context_.session, issues_[place], RefusalOf(why)));
    }
    for (const auto& [place, columns] : moved.conflicting) {
      carried[place] = false;
      RETURN_IF_ERROR(WriteConflict(issues_[place], columns));
    }
    std::vector<std::int64_t> issues;
    for (std::size_t place = 0; place < issues_.size(); ++place) {
      if (carried[place]) issues.push_back(issues_[place]);
    }
    moved.counters.conflicting = static_cast<std::int64_t>(moved.conflicting.size());
    if (!issues.empty() || !moved.conflicting.empty()) {
      RETURN_IF_ERROR(postgres::MarkWaitingReplayed(context_.session, context_.migration_id, shard_, mapping_.counted,
                                                    issues, moved.counters));
    }
    if (moved.refused.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::int64_t rejected, postgres::CountRejected(context_.session, context_.migration_id));
    return rejected > context_.rejects_max ? TooMany(moved.refused.back().second) : absl::OkStatus();
  }

  absl::Status TooMany(const absl::Status& last) const {
    return absl::OutOfRangeError(absl::StrCat("more than ", context_.rejects_max,
                                              " rejected rows (--max-rejects); the last: ", mapping_.source_table, ": ",
                                              last.message()));
  }

  absl::Status WriteConflict(std::int64_t issue, const std::string& columns) {
    const std::string reason = absl::StrCat("the key is already there with other content in: ", columns);
    if (on_conflict_ != load::OnConflict::kFail) return postgres::MarkConflicting(context_.session, issue, reason);
    ASSIGN_OR_RETURN(const std::optional<postgres::Reject> row, postgres::LockReject(context_.session, issue));
    return absl::AlreadyExistsError(absl::StrCat("row ", row ? row->source_key : "", " of ", mapping_.source_table,
                                                 ": ", reason, " (--on-conflict skip or update would go on)"));
  }

  static core::RowIssue RefusalOf(const absl::Status& why) {
    const std::optional<postgres::SqlError> error = postgres::GetSqlError(why);
    core::RowIssue refusal;
    refusal.kind = std::string(postgres::KindOf(error->sqlstate));
    refusal.column = error->column;
    refusal.reason = std::string(why.message());
    return refusal;
  }

  const FinishContext& context_;
  const core::Mapping& mapping_;
  const int shard_;
  const load::OnConflict on_conflict_;
  load::Loader loader_;
  std::vector<std::int64_t> issues_;  // of the staged rows
};

absl::StatusOr<std::int64_t> CarryShards(const FinishContext& context, const std::vector<int>& shards, bool may_wait) {
  ASSIGN_OR_RETURN(const load::OnConflict on_conflict, load::ParseOnConflict(context.plan.identity.on_conflict));
  std::int64_t settled = 0;
  for (const int shard : shards) {
    core::Mapping mapping = context.plan.mappings[context.plan.shards[shard].mapping];
    if (!may_wait) mapping.waiting_keys.clear();
    ASSIGN_OR_RETURN(const std::int64_t more, WaitingShard(context, mapping, shard, on_conflict).Carry());
    settled += more;
  }
  return settled;
}

// What is left finds no parent.
absl::Status CheckRejects(const FinishContext& context, std::int64_t waiting) {
  ASSIGN_OR_RETURN(const std::int64_t rejected, postgres::CountRejected(context.session, context.migration_id));
  if (rejected + waiting <= context.rejects_max) return absl::OkStatus();
  return absl::OutOfRangeError(
      absl::StrCat("more rows than --max-rejects ", context.rejects_max, " allows would be rejected: ", waiting,
                   " rows of existing tables name rows that did not come either; nothing was deleted; run the same "
                   "command again with a higher --max-rejects"));
}

}  // namespace

absl::Status CarryWaitingRows(const FinishContext& context) {
  ASSIGN_OR_RETURN(postgres::WaitingCount waiting, postgres::CountWaiting(context.session, context.migration_id));
  if (waiting.rows == 0) return absl::OkStatus();
  context.on_step("carrying rows whose parent came later");
  // Compiling a merge takes longer than running it.
  RETURN_IF_ERROR(context.session.ExecuteScript("SET jit TO off"));
  // Back and forth: rows of one shard wait for those of another.
  bool backwards = true;
  for (bool moved = true; moved && waiting.rows > 0; backwards = !backwards) {
    if (backwards) std::reverse(waiting.shards.begin(), waiting.shards.end());
    ASSIGN_OR_RETURN(const std::int64_t settled, CarryShards(context, waiting.shards, /*may_wait=*/true));
    moved = settled > 0;
    ASSIGN_OR_RETURN(waiting, postgres::CountWaiting(context.session, context.migration_id));
  }
  if (waiting.rows == 0) return absl::OkStatus();
  RETURN_IF_ERROR(CheckRejects(context, waiting.rows));
  return CarryShards(context, waiting.shards, /*may_wait=*/false).status();
}

}  // namespace vecferry::coordinator
