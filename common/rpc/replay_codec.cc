#include "common/rpc/plan_codec.h"

namespace vecferry::rpc {

v1::ReplayRequest ToProto(const core::ReplaySelection& selection) {
  v1::ReplayRequest proto;
  proto.set_table(selection.table);
  proto.set_kind(selection.kind);
  proto.set_issue(static_cast<std::uint64_t>(selection.issue));
  for (const core::SetValue& set : selection.sets) {
    v1::SetValue* added = proto.add_sets();
    added->set_table(set.table);
    added->set_column(set.column);
    if (set.text) added->set_text(*set.text);
  }
  proto.set_dry_run(selection.dry_run);
  return proto;
}

core::ReplaySelection FromProto(const v1::ReplayRequest& request) {
  core::ReplaySelection selection;
  selection.table = request.table();
  selection.kind = request.kind();
  selection.issue = static_cast<std::int64_t>(request.issue());
  for (const v1::SetValue& set : request.sets()) {
    core::SetValue& added = selection.sets.emplace_back();
    added.table = set.table();
    added.column = set.column();
    if (set.has_text()) added.text = set.text();
  }
  selection.dry_run = request.dry_run();
  return selection;
}

v1::ReplayResponse ToProto(const core::ReplayOutcome& outcome) {
  v1::ReplayResponse proto;
  proto.set_carried(static_cast<std::uint64_t>(outcome.carried));
  proto.set_already_present(static_cast<std::uint64_t>(outcome.present));
  for (const auto& [kind, rows] : outcome.rejected) {
    (*proto.mutable_rejected())[kind] = static_cast<std::uint64_t>(rows);
  }
  for (const core::IssueReport& issue : outcome.issues) {
    v1::Issue* added = proto.add_issues();
    added->set_table(issue.table);
    added->set_key(issue.key);
    added->set_column(issue.column);
    added->set_kind(issue.kind);
    added->set_action(issue.action);
    added->set_reason(issue.reason);
  }
  return proto;
}

core::ReplayOutcome FromProto(const v1::ReplayResponse& response) {
  core::ReplayOutcome outcome;
  outcome.carried = static_cast<std::int64_t>(response.carried());
  outcome.present = static_cast<std::int64_t>(response.already_present());
  for (const auto& [kind, rows] : response.rejected()) outcome.rejected[kind] = static_cast<std::int64_t>(rows);
  for (const v1::Issue& issue : response.issues()) {
    outcome.issues.push_back(
        {issue.table(), issue.key(), issue.column(), issue.kind(), issue.action(), issue.reason()});
  }
  return outcome;
}

}  // namespace vecferry::rpc
