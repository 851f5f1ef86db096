#ifndef VECFERRY_VERIFIER_SEARCHES_OF_PLAN_H_
#define VECFERRY_VERIFIER_SEARCHES_OF_PLAN_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/plan.h"
#include "verifier/verification.h"

namespace vecferry::verifier {

// Recall and latency of every vector column that the plan fills: over all its rows, or, where it takes any dimension,
// of each model and dimension; and of the slices that are asked for. Tables of `unreadable` are passed over; of those
// of `different` no share is required, since why answers differ was told.
absl::Status CheckRecall(const Verification& verification, const std::set<std::string>& unreadable,
                         const std::set<std::string>& different, core::Findings& findings);

// kInvalidArgument: one of `slices` (core::VerifyOptions) is no column that the plan fills.
absl::Status CheckSlices(const core::Plan& plan, const std::vector<std::string>& slices);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SEARCHES_OF_PLAN_H_
