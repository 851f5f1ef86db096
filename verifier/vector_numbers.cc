#include "verifier/vector_numbers.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kHeaderBytes = 4;  // int16 dimension, int16 zero
constexpr int kHalfFractionBits = 10;
constexpr int kHalfExponentMin = -14;  // of the smallest half that is not subnormal
constexpr float kHalfMax = 65504;

std::uint32_t BigEndian(const char* bytes, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

float FloatOfBits(std::uint32_t bits) {
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

float FloatOfHalf(std::uint32_t bits) {
  const int exponent = static_cast<int>(bits >> kHalfFractionBits & 0x1f);
  const std::uint32_t fraction = bits & 0x3ff;
  if (exponent == 0x1f) return fraction != 0 ? NAN : bits & 0x8000 ? -INFINITY : INFINITY;
  const std::uint32_t significand = exponent == 0 ? fraction : fraction | 0x400;
  const float size =
      std::ldexp(static_cast<float>(significand), std::max(exponent, 1) - 1 + kHalfExponentMin - kHalfFractionBits);
  return bits & 0x8000 ? -size : size;
}

// To the nearest half, of two equally near ones to the even.
float RoundToHalf(float number) {
  if (number == 0) return number;
  const int exponent = std::max(std::ilogb(number), kHalfExponentMin);
  return std::ldexp(std::nearbyint(std::ldexp(number, kHalfFractionBits - exponent)), exponent - kHalfFractionBits);
}

}  // namespace

absl::Status ReadVector(const core::PgType& type, absl::string_view canonical, std::vector<float>& numbers) {
  const bool half = type.kind == core::PgKind::kHalfvec;
  const std::size_t number_bytes = half ? 2 : 4;
  const std::size_t dimension = canonical.size() < kHeaderBytes ? 0 : BigEndian(canonical.data(), 2);
  if (dimension != static_cast<std::size_t>(type.dimension) ||
      canonical.size() != kHeaderBytes + dimension * number_bytes) {
    return absl::DataLossError(absl::StrCat("a vector of ", dimension, " numbers in ", canonical.size(),
                                            " bytes stands where ", core::ToString(type), " was expected"));
  }
  numbers.resize(dimension);
  for (std::size_t i = 0; i < dimension; ++i) {
    const std::uint32_t bits = BigEndian(canonical.data() + kHeaderBytes + i * number_bytes, number_bytes);
    numbers[i] = half ? FloatOfHalf(bits) : FloatOfBits(bits);
  }
  return absl::OkStatus();
}

std::string VectorText(absl::Span<const float> numbers) {
  return absl::StrCat(
      "[",
      absl::StrJoin(numbers, ",", [](std::string* out, float number) { absl::StrAppendFormat(out, "%.9g", number); }),
      "]");
}

bool RoundToType(const core::PgType& type, std::vector<float>& numbers) {
  if (type.kind != core::PgKind::kHalfvec) return true;
  for (float& number : numbers) {
    number = RoundToHalf(number);
    if (std::abs(number) > kHalfMax) return false;
  }
  return true;
}

}  // namespace vecferry::verifier
