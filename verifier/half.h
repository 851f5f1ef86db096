#ifndef VECFERRY_VERIFIER_HALF_H_
#define VECFERRY_VERIFIER_HALF_H_

#include <cstdint>

namespace vecferry::verifier {

// IEEE 754 half precision.
inline constexpr std::uint16_t kHalfInfinity = 0x7c00;

// The half nearest to a finite number, half to even; infinite when it is beyond the type.
std::uint16_t NearestHalf(float number);

float NumberOfHalf(std::uint16_t half);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_HALF_H_
