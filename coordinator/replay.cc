#include "coordinator/replay.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"

namespace vecferry::coordinator {
namespace {

constexpr int kIssuesTold = 20;

// One replay: what is still to be carried, and what was.
class Replaying {
 public:
  explicit Replaying(const ReplayContext& context) : context_(context) {}

  absl::StatusOr<core::ReplayOutcome> Run() {
    ASSIGN_OR_RETURN(waiting_,
                     postgres::SelectRejects(context_.session, context_.migration_id, context_.selection.table,
                                             context_.selection.kind, context_.selection.issue));
    std::vector<std::int64_t> selected;
    for (const postgres::RejectPlace& place : waiting_) selected.push_back(place.id);
    std::erase_if(waiting_, [](const postgres::RejectPlace& place) { return !place.holds_row; });
    // Parents before children; a mapping's own rows by turns from both ends, for they may be in any order.
    std::stable_sort(waiting_.begin(), waiting_.end(),
                     [this](const auto& left, const auto& right) { return MappingOf(left) < MappingOf(right); });
    for (bool moved = true; moved && !waiting_.empty();) {
      const std::size_t before = waiting_.size();
      RETURN_IF_ERROR(Pass());
      moved = waiting_.size() < before;
    }
    ASSIGN_OR_RETURN(postgres::StillRejected still,
                     postgres::ReadStillRejected(context_.session, selected, kIssuesTold));
    outcome_.rejected = std::move(still.by_kind);
    outcome_.issues = std::move(still.first);
    return std::move(outcome_);
  }

 private:
  int MappingOf(const postgres::RejectPlace& place) const { return context_.plan.shards[place.shard].mapping; }

  // Tries every waiting row once; those that stay are tried in the other order next time within their mapping.
  absl::Status Pass() {
    std::vector<postgres::RejectPlace> left;
    for (const postgres::RejectPlace& place : waiting_) {
      if (context_.stopping()) return absl::CancelledError("stopped while carrying rejected rows; what came stays");
      ASSIGN_OR_RETURN(const Replayed outcome, ReplayRow(context_, place));
      if (outcome == Replayed::kRefused) left.push_back(place);
      outcome_.carried += outcome == Replayed::kInserted ? 1 : 0;
      outcome_.present += outcome == Replayed::kPresent ? 1 : 0;
    }
    std::reverse(left.begin(), left.end());
    std::stable_sort(left.begin(), left.end(),
                     [this](const auto& one, const auto& other) { return MappingOf(one) < MappingOf(other); });
    waiting_ = std::move(left);
    return absl::OkStatus();
  }

  const ReplayContext& context_;
  std::vector<postgres::RejectPlace> waiting_;
  core::ReplayOutcome outcome_;
};

bool HasColumn(const core::Mapping& mapping, const std::string& column) {
  return std::any_of(mapping.inputs.begin(), mapping.inputs.end(),
                     [&](const core::Input& input) { return input.source_column == column; });
}

absl::Status CheckTable(const core::Plan& plan, absl::string_view flag, const std::string& table) {
  std::vector<std::string> known;
  for (const core::Mapping& mapping : plan.mappings) {
    if (mapping.source_table == table) return absl::OkStatus();
    if (mapping.counted) known.push_back(mapping.source_table);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag, ": the migration has no source table '", table, "'; allowed: ", absl::StrJoin(known, ", ")));
}

}  // namespace

absl::Status CheckSelection(const core::Plan& plan, const core::ReplaySelection& selection) {
  if (!selection.table.empty()) RETURN_IF_ERROR(CheckTable(plan, "--table", selection.table));
  for (const core::SetValue& set : selection.sets) {
    RETURN_IF_ERROR(CheckTable(plan, "--set", set.table));
    const bool known = std::any_of(plan.mappings.begin(), plan.mappings.end(), [&](const core::Mapping& mapping) {
      return mapping.source_table == set.table && HasColumn(mapping, set.column);
    });
    if (known) continue;
    return absl::InvalidArgumentError(absl::StrCat("--set: source table '", set.table, "' has no column '", set.column,
                                                   "' that the migration reads"));
  }
  return absl::OkStatus();
}

absl::StatusOr<core::ReplayOutcome> Replay(const ReplayContext& context) {
  if (!context.selection.dry_run) return Replaying(context).Run();
  RETURN_IF_ERROR(context.session.ExecuteScript("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"));
  absl::StatusOr<core::ReplayOutcome> outcome = Replaying(context).Run();
  const absl::Status undone = context.session.ExecuteScript("ROLLBACK");
  RETURN_IF_ERROR(outcome.status());
  RETURN_IF_ERROR(undone);
  return outcome;
}

}  // namespace vecferry::coordinator
