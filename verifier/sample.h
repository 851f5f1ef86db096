#ifndef VECFERRY_VERIFIER_SAMPLE_H_
#define VECFERRY_VERIFIER_SAMPLE_H_

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "verifier/contents.h"

namespace vecferry::verifier {

// Level `sample`: about 1,000 rows of each table, drawn by the hash of their source keys (the same in every run), with
// every value, looked up at the destination by their keys: check `rows_equal`. Rows that only the destination has show
// in the counts alone. Uses the first session, which is left outside a transaction.
absl::Status CheckSample(const ContentsInput& input, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SAMPLE_H_
