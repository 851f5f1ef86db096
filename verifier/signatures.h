#ifndef VECFERRY_VERIFIER_SIGNATURES_H_
#define VECFERRY_VERIFIER_SIGNATURES_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "verifier/verification.h"

namespace vecferry::verifier {

// What the destination says of its embedding models. `model_registry`: its row is the plan's main model.
// `model_groups`: of each vector column, how many vectors each model has, and what their norms are (1, shorter, zero):
// evidence for whoever knows the models.
// `model_sample`, with an embedder: some texts embedded again (model_sample.h). Tables of `unreadable` are passed over.
absl::Status CheckSignatures(const Verification& verification, const std::set<std::string>& unreadable,
                             core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SIGNATURES_H_
