#include "verifier/half.h"

#include <algorithm>
#include <bit>

namespace vecferry::verifier {
namespace {

constexpr int kFractionBits = 10, kFloatFractionBits = 23, kFloatBias = 127;
constexpr int kExponentMin = -14, kExponentMax = 15;

}  // namespace

std::uint16_t NearestHalf(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const int exponent = static_cast<int>(bits >> kFloatFractionBits & 0xff) - kFloatBias;
  if (exponent > kExponentMax) return sign | kHalfInfinity;
  const int half_exponent = std::max(exponent, kExponentMin);
  // Bits that have no place in a half. At 25 all are below half of its least number, as are a float's subnormals.
  const int dropped = kFloatFractionBits - kFractionBits + (half_exponent - exponent);
  if (dropped > kFloatFractionBits + 1) return sign;
  const std::uint32_t significand = (bits & 0x7fffff) | 0x800000;
  const std::uint32_t rest = significand & ((1u << dropped) - 1), tie = 1u << (dropped - 1);
  std::uint32_t kept = significand >> dropped;
  if (rest > tie || (rest == tie && kept % 2 == 1)) ++kept;
  // The leading 1, and a carry out of the fraction, count the exponent's field up by themselves.
  const auto field = static_cast<std::uint32_t>(half_exponent - kExponentMin) << kFractionBits;
  return static_cast<std::uint16_t>(sign | (field + kept));
}

float NumberOfHalf(std::uint16_t half) {
  const std::uint32_t field = half >> kFractionBits & 0x1f, fraction = half & 0x3ff;
  float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  if (field != 0) {
    const std::uint32_t exponent = field == 0x1f ? 0xff : field - 1 + kExponentMin + kFloatBias;
    magnitude = std::bit_cast<float>(exponent << kFloatFractionBits | fraction << (kFloatFractionBits - kFractionBits));
  }
  return half & 0x8000 ? -magnitude : magnitude;
}

}  // namespace vecferry::verifier
