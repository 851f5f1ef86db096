#ifndef VECFERRY_COMMON_RPC_PLAN_CODEC_H_
#define VECFERRY_COMMON_RPC_PLAN_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/core/replay.h"
#include "common/core/report.h"
#include "common/rpc/clients.h"
#include "vecferry/v1/batch.pb.h"
#include "vecferry/v1/coordinator.pb.h"
#include "vecferry/v1/plan.pb.h"

namespace vecferry::rpc {

v1::Plan ToProto(const core::Plan& plan);
// kFailedPrecondition: a plan format that this program does not know, naming both.
absl::StatusOr<core::Plan> FromProto(const v1::Plan& plan);

// The form that the ledger keeps: serialized vecferry.v1.Plan. ParsePlan also: kDataLoss.
std::string SerializePlan(const core::Plan& plan);
absl::StatusOr<core::Plan> ParsePlan(const std::string& bytes);

v1::Identity ToProto(const core::Identity& identity);
core::Identity FromProto(const v1::Identity& identity);

v1::Migration ToProto(const core::Report& report);
absl::StatusOr<core::Report> FromProto(const v1::Migration& migration);

// Migration and connection are the caller's to fill.
v1::ReplayRequest ToProto(const core::ReplaySelection& selection);
core::ReplaySelection FromProto(const v1::ReplayRequest& request);
v1::ReplayResponse ToProto(const core::ReplayOutcome& outcome);
core::ReplayOutcome FromProto(const v1::ReplayResponse& response);

v1::RowIssue ToProto(const core::RowIssue& issue);
absl::StatusOr<core::RowIssue> FromProto(const v1::RowIssue& issue);

v1::BeatRequest ToProto(const WorkerBeat& beat);
// kInvalidArgument: a kind that is not known.
absl::StatusOr<WorkerBeat> FromProto(const v1::BeatRequest& beat);

v1::Check ToProto(const core::CheckReport& check);
core::CheckReport FromProto(const v1::Check& check);

v1::Difference ToProto(const core::DifferenceReport& difference);
core::DifferenceReport FromProto(const v1::Difference& difference);

v1::Recall ToProto(const core::RecallReport& recall);
core::RecallReport FromProto(const v1::Recall& recall);

v1::TableSize ToProto(const core::TableSize& size);
core::TableSize FromProto(const v1::TableSize& size);

}  // namespace vecferry::rpc

#endif  // VECFERRY_COMMON_RPC_PLAN_CODEC_H_
