#ifndef VECFERRY_VERIFIER_VECTOR_BYTES_H_
#define VECFERRY_VERIFIER_VECTOR_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::verifier {

// What pgvector stores at most.
inline constexpr std::size_t kVectorComponentsMax = 16'000;

// Appends what stands before the components of a vector or halfvec.
void AppendVectorHeader(std::size_t components, std::string& out);

// Appends little-endian float32s as big-endian ones. False: one of them is not finite.
bool AppendTurned(absl::string_view floats, std::string& out);

// Whether all of the big-endian numbers are finite.
bool AreFiniteFloats(absl::string_view floats);
bool AreFiniteHalves(absl::string_view halves);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_VECTOR_BYTES_H_
