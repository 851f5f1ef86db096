#ifndef VECFERRY_VERIFIER_SEARCHES_OF_PLAN_H_
#define VECFERRY_VERIFIER_SEARCHES_OF_PLAN_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "verifier/verification.h"

namespace vecferry::verifier {

// Recall and latency of every vector column of one dimension that the plan fills, over all its rows. Tables of
// `unreadable` are passed over; of those of `different` no share is required, since why answers differ was told.
absl::Status CheckRecall(const Verification& verification, const std::set<std::string>& unreadable,
                         const std::set<std::string>& different, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SEARCHES_OF_PLAN_H_
