#ifndef VECFERRY_VERIFIER_VECTOR_NUMBERS_H_
#define VECFERRY_VERIFIER_VECTOR_NUMBERS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/core/types.h"

namespace vecferry::verifier {

// Replaces `numbers` with those of a canonical vector or halfvec (verifier/canonical.h) of `type`, kVector or kHalfvec.
// kDataLoss: it is no such vector, or not of the type's dimension.
absl::Status ReadVector(const core::PgType& type, absl::string_view canonical, std::vector<float>& numbers);

// "[0.1,-2]" with nine digits, from which the same floats are read.
std::string VectorText(absl::Span<const float> numbers);

// Makes `numbers` what a column of `type` stores of them: halfvec rounds. False: one of them is beyond its range.
bool RoundToType(const core::PgType& type, std::vector<float>& numbers);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_VECTOR_NUMBERS_H_
