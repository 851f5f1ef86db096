#include "verifier/half.h"

#include <algorithm>
#include <cmath>

namespace vecferry::verifier {
namespace {

constexpr int kFractionBits = 10, kExponentMin = -14, kExponentMax = 15;

}  // namespace

std::uint16_t NearestHalf(float number) {
  const std::uint16_t sign = std::signbit(number) ? 0x8000 : 0;
  const float magnitude = std::fabs(number);
  if (magnitude == 0) return sign;
  const int exponent = std::max(std::ilogb(magnitude), kExponentMin);
  if (exponent > kExponentMax) return sign | kHalfInfinity;
  // In units of the last place; all of it is exact.
  const float units = std::ldexp(magnitude, kFractionBits - exponent), below = std::floor(units);
  const float rest = units - below;
  auto fraction = static_cast<std::uint16_t>(below);
  const bool odd = fraction % 2 == 1;
  if (rest > 0.5f || (rest == 0.5f && odd)) ++fraction;
  // Below the least normal number the exponent's field is 0; above, the fraction's leading 1 counts it up by one. A
  // carry out of the fraction moves into the exponent by itself.
  const auto field = static_cast<std::uint16_t>((exponent - kExponentMin) << kFractionBits);
  return static_cast<std::uint16_t>(sign | (field + fraction));
}

float NumberOfHalf(std::uint16_t half) {
  const int field = half >> kFractionBits & 0x1f, fraction = half & 0x3ff;
  float magnitude;
  if (field == 0x1f) {
    magnitude = fraction == 0 ? HUGE_VALF : NAN;
  } else if (field == 0) {
    magnitude = std::ldexp(static_cast<float>(fraction), kExponentMin - kFractionBits);
  } else {
    magnitude = std::ldexp(static_cast<float>(fraction + 0x400), field - 1 + kExponentMin - kFractionBits);
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

}  // namespace vecferry::verifier
