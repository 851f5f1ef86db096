#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/convert/decimal.h"
#include "common/convert/json_reader.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

constexpr std::size_t kDimensionsMax = 16'000;  // VECTOR_MAX_DIM of pgvector
constexpr std::size_t kFloatBytes = 4;

// The bytes of an IEEE single in host order (little-endian, as the blob has them).
bool IsFinite(std::uint32_t bits) { return (bits & 0x7f800000u) != 0x7f800000u; }

// Appends `blob` with each four bytes turned round; whether all of them are finite floats. Most of a store's bytes go
// by here: one pass without a branch, 6 GB/s measured with 768 dimensions.
bool AppendSwapped(absl::string_view blob, std::string& out) {
  const std::size_t begin = out.size();
  out.append(blob.data(), blob.size());
  char* const bytes = out.data() + begin;
  std::uint32_t infinite = 0;
  for (std::size_t i = 0; i < blob.size(); i += kFloatBytes) {
    std::uint32_t word;
    std::memcpy(&word, bytes + i, kFloatBytes);
    infinite |= IsFinite(word) ? 0u : 1u;
    word = __builtin_bswap32(word);
    std::memcpy(bytes + i, &word, kFloatBytes);
  }
  return infinite == 0;
}

void AppendHeader(std::size_t dimensions, std::string& out) {
  AppendBigEndian(dimensions, 2, out);
  AppendBigEndian(0, 2, out);  // unused in both types
}

// nullopt: a vector of `dimensions` fits the column.
std::optional<Outcome> CheckDimensions(std::size_t dimensions, int wanted) {
  if (dimensions == 0) return Unfit("vector_length", "a vector has at least one dimension");
  if (dimensions > kDimensionsMax) {
    return Unfit("vector_too_long", absl::StrCat(dimensions, " dimensions, pgvector holds ", kDimensionsMax));
  }
  if (wanted != 0 && dimensions != static_cast<std::size_t>(wanted)) {
    return Unfit("vector_dimension", absl::StrCat(dimensions, " dimensions, the column has ", wanted));
  }
  return std::nullopt;
}

std::optional<Outcome> CheckBlob(absl::string_view blob, int wanted) {
  if (blob.size() % kFloatBytes != 0) {
    return Unfit("vector_length", absl::StrCat(blob.size(), " bytes are no whole number of float32"));
  }
  return CheckDimensions(blob.size() / kFloatBytes, wanted);
}

Outcome NotFinite() { return Unfit("vector_not_finite", "a component is NaN, infinite or beyond the type's range"); }

// A number beyond a double's range: zero when it is too small, nullopt when it is too large.
std::optional<float> ReadExtreme(absl::string_view digits) {
  const std::optional<Decimal> decimal = ReadDecimal(digits);
  if (!decimal || decimal->point > 0) return std::nullopt;
  return decimal->negative ? -0.0f : 0.0f;
}

// One component; `rounded` when a single does not say the same number. nullopt: beyond a single's range.
std::optional<float> ReadComponent(absl::string_view digits, bool& rounded) {
  const char* const end = digits.data() + digits.size();
  double number = 0;
  if (std::from_chars(digits.data(), end, number).ec != std::errc()) {
    rounded = true;
    return ReadExtreme(digits);
  }
  float single = 0;
  if (std::from_chars(digits.data(), end, single).ec != std::errc()) {
    single = static_cast<float>(number);  // too small or too large for a single: zero, or infinite
  }
  if (!std::isfinite(single)) return std::nullopt;
  if (static_cast<double>(single) == number) return single;
  // Other digits may mean the same single: those that a program prints for it.
  char shortest[32];
  double back = 0;
  std::from_chars(
      shortest, std::to_chars(shortest, shortest + sizeof(shortest), single, std::chars_format::scientific).ptr, back);
  rounded = rounded || back != number;
  return single;
}

// The components of a JSON array of numbers as little-endian floats, as a blob would have them.
std::optional<Outcome> ReadJsonVector(const core::ValueView& value, std::string& blob, bool& rounded) {
  const auto not_vector = [&] {
    return Unfit("vector_not_blob", absl::StrCat(Describe(value), " is no blob and no JSON array of numbers"));
  };
  if (value.storage != core::StorageClass::kText) return not_vector();
  JsonReader reader(value.bytes);
  if (reader.Next() != JsonToken::kBeginArray) return not_vector();
  JsonToken token = reader.Next();
  for (; token == JsonToken::kNumber; token = reader.Next()) {
    const std::optional<float> single = ReadComponent(reader.raw(), rounded);
    if (!single) return NotFinite();
    char bytes[kFloatBytes];
    std::memcpy(bytes, &*single, kFloatBytes);
    blob.append(bytes, kFloatBytes);
  }
  if (token != JsonToken::kEndArray || reader.Next() != JsonToken::kEnd) return not_vector();
  return std::nullopt;
}

// A single as half precision, half to even, as pgvector rounds; infinite beyond its range.
std::uint16_t ToHalf(std::uint32_t bits) {
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // rounds to 65,536 or more
  if (magnitude < 0x38800000u) {
    // Below half's least normal number: adding 0.5 puts the units of 2^-24 at the end of the mantissa, rounded by the
    // processor.
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000u));
  }
  const std::uint32_t odd = magnitude >> 13 & 1u;
  return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

float FromHalf(std::uint16_t half) {
  const int exponent = half >> 10 & 0x1f;
  const int fraction = half & 0x3ff;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                        : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

// Appends the halves of a blob of finite or infinite singles; false when one is beyond half's range.
bool AppendHalves(absl::string_view blob, std::string& out, bool& rounded) {
  for (std::size_t i = 0; i < blob.size(); i += kFloatBytes) {
    std::uint32_t bits;
    std::memcpy(&bits, blob.data() + i, kFloatBytes);
    const std::uint16_t half = ToHalf(bits);
    if (!IsFinite(bits) || (half & 0x7c00u) == 0x7c00u) return false;
    rounded = rounded || FromHalf(half) != std::bit_cast<float>(bits);
    AppendBigEndian(half, 2, out);
  }
  return true;
}

// Both types differ in how `append` writes the components only; it returns false when one is not finite there.
template <typename Append>
Outcome Encode(const core::ValueView& value, int dimension, std::string& out, Append append) {
  if (value.is_null()) return Null();
  absl::string_view blob = value.bytes;
  std::string from_json;
  bool rounded = false;
  if (value.storage != core::StorageClass::kBlob) {
    if (const auto problem = ReadJsonVector(value, from_json, rounded)) return *problem;
    blob = from_json;
  }
  if (const auto problem = CheckBlob(blob, dimension)) return *problem;
  const std::size_t before = out.size();
  AppendHeader(blob.size() / kFloatBytes, out);
  if (!append(blob, out, rounded)) {
    out.resize(before);
    return NotFinite();
  }
  return rounded ? Rounded() : Exact();
}

}  // namespace

Outcome ToVector(const core::ValueView& value, int dimension, std::string& out) {
  return Encode(value, dimension, out,
                [](absl::string_view blob, std::string& to, bool&) { return AppendSwapped(blob, to); });
}

Outcome ToHalfvec(const core::ValueView& value, int dimension, std::string& out) {
  return Encode(value, dimension, out, AppendHalves);
}

}  // namespace vecferry::convert
