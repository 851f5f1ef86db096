#include "coordinator/orphan_issues.h"

#include <cstdint>
#include <unordered_set>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/rows/rows.h"
#include "coordinator/ledger_moves.h"

namespace vecferry::coordinator {
namespace {

constexpr std::size_t kRowsATime = 500;
constexpr std::size_t kBytesATime = 4 << 20;

// The orphans of one mapping.
class Teller {
 public:
  Teller(const FinishContext& context, const core::Mapping& mapping, std::unordered_map<std::string, Orphan>& orphans,
         std::int64_t newest)
      : context_(context), mapping_(mapping), orphans_(orphans), newest_(newest) {}

  absl::Status Run() {
    std::unordered_set<std::string> keys;
    for (const auto& [key, orphan] : orphans_) keys.insert(key);
    int first = -1;
    for (const core::Shard& shard : context_.plan.shards) {
      if (shard.mapping != mapping_.id) continue;
      if (first < 0) first = shard.id;
      if (context_.stopping()) return absl::CancelledError("stopped while reading rows without their parent");
      RETURN_IF_ERROR(rows::ResolveRows(
          *context_.source.Take(), mapping_, shard, context_.plan.identity.max_row_bytes, keys,
          [&](const std::string& key, core::RowIssue issue) { return Tell(shard.id, key, std::move(issue)); }));
      RETURN_IF_ERROR(Close(shard.id));
    }
    // A key that Postgres writes in another way than it was sent, as jsonb: told by what is known at the destination.
    while (!orphans_.empty()) {
      core::RowIssue issue;
      issue.source_table = mapping_.source_table;
      issue.destination_table = mapping_.destination_table;
      issue.source_key = orphans_.begin()->second.key_json;
      RETURN_IF_ERROR(Tell(first, std::string(orphans_.begin()->first), std::move(issue)));
    }
    return Close(first);
  }

 private:
  absl::Status Tell(int shard, const std::string& key, core::RowIssue issue) {
    const auto found = orphans_.find(key);
    if (found == orphans_.end()) return absl::OkStatus();
    issue.action = core::IssueAction::kRejected;
    issue.kind = "foreign_key";
    issue.reason = std::move(found->second.reason);
    orphans_.erase(found);
    bytes_ += issue.raw.size();
    issues_.push_back(std::move(issue));
    ++rows_;
    return issues_.size() < kRowsATime && bytes_ < kBytesATime ? absl::OkStatus() : Flush(shard);
  }

  absl::Status Flush(int shard) {
    RETURN_IF_ERROR(postgres::InsertIssues(context_.session, context_.migration_id, shard, issues_));
    issues_.clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  absl::Status Close(int shard) {
    RETURN_IF_ERROR(Flush(shard));
    const std::int64_t rows = std::exchange(rows_, 0);
    // A second row that goes with its first one is no row that lacks its second.
    if (rows == 0 || !mapping_.counted) return absl::OkStatus();
    return MoveToRejected(context_.session, context_.migration_id, shard, rows, newest_);
  }

  const FinishContext& context_;
  const core::Mapping& mapping_;
  std::unordered_map<std::string, Orphan>& orphans_;  // those that are not told yet
  const std::int64_t newest_;                         // number of the newest issue before them
  std::vector<core::RowIssue> issues_;
  std::size_t bytes_ = 0;
  std::int64_t rows_ = 0;  // told of the present shard
};

}  // namespace

absl::Status TellOrphans(const FinishContext& context, Orphans orphans) {
  ASSIGN_OR_RETURN(const postgres::Result newest,
                   context.session.Execute("SELECT coalesce(max(id), 0) FROM vecferry.row_issue"));
  for (auto& [mapping, rows] : orphans) {
    RETURN_IF_ERROR(Teller(context, context.plan.mappings[mapping], rows, newest.integer(0, 0)).Run());
  }
  return absl::OkStatus();
}

}  // namespace vecferry::coordinator
