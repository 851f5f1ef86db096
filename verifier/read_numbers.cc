#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "verifier/bytes.h"
#include "verifier/decimal_text.h"
#include "verifier/read_rules.h"
#include "verifier/real_text.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;

constexpr double kTwoTo63 = 9223372036854775808.0;

Reading AppendInteger(std::int64_t number, std::size_t bytes, std::string& out) {
  switch (bytes) {
    case 2:
      if (number < std::numeric_limits<std::int16_t>::min() || number > std::numeric_limits<std::int16_t>::max()) break;
      AppendNetwork(static_cast<std::uint16_t>(number), out);
      return Exact();
    case 4:
      if (number < std::numeric_limits<std::int32_t>::min() || number > std::numeric_limits<std::int32_t>::max()) break;
      AppendNetwork(static_cast<std::uint32_t>(number), out);
      return Exact();
    default: AppendNetwork(static_cast<std::uint64_t>(number), out); return Exact();
  }
  return Unfit("out_of_range");
}

Reading AppendDouble(double number, std::string& out) {
  std::uint64_t bits;
  std::memcpy(&bits, &number, sizeof(bits));
  AppendNetwork(bits, out);
  return Exact();
}

// "inf", "Infinity", with a sign.
std::optional<double> InfinityNamed(absl::string_view word) {
  const bool negative = absl::ConsumePrefix(&word, "-");
  if (!negative) absl::ConsumePrefix(&word, "+");
  if (!absl::EqualsIgnoreCase(word, "inf") && !absl::EqualsIgnoreCase(word, "infinity")) return std::nullopt;
  return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

Reading DoubleFromText(absl::string_view text, std::string& out) {
  if (absl::EqualsIgnoreCase(text, "nan")) return AppendDouble(std::numeric_limits<double>::quiet_NaN(), out);
  if (const std::optional<double> infinity = InfinityNamed(text)) return AppendDouble(*infinity, out);
  const std::optional<Decimal> decimal = ParseDecimal(text);
  if (!decimal) return WrongType();
  const double number = NearestDouble(*decimal);
  const Magnitude said = MagnitudeOf(*decimal);
  if (std::isinf(number) || (number == 0 && !said.digits.empty())) return Unfit("out_of_range");
  if (said != ShortestMagnitude(number) && said != ExactMagnitude(number)) return Unfit("not_exact");
  return AppendDouble(number, out);
}

Reading NumericFromDecimal(absl::string_view text, std::string& out) {
  const std::optional<Decimal> decimal = ParseDecimal(text);
  if (!decimal) return WrongType();
  return AppendNumeric(*decimal, out) ? Exact() : Unfit("out_of_range");
}

}  // namespace

Reading ReadInteger(const core::ValueView& value, std::size_t bytes, std::string& out) {
  if (value.storage == StorageClass::kInteger) return AppendInteger(value.integer, bytes, out);
  if (value.storage == StorageClass::kReal) {
    if (!std::isfinite(value.real) || std::trunc(value.real) != value.real) return WrongType();
    if (value.real < -kTwoTo63 || value.real >= kTwoTo63) return Unfit("out_of_range");
    return AppendInteger(static_cast<std::int64_t>(value.real), bytes, out);
  }
  if (value.storage != StorageClass::kText) return WrongType();
  absl::string_view text = absl::StripAsciiWhitespace(value.bytes);
  const absl::string_view digits = text.substr(!text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0);
  if (digits.empty() || digits.find_first_not_of("0123456789") != absl::string_view::npos) return WrongType();
  absl::ConsumePrefix(&text, "+");
  std::int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) return Unfit("out_of_range");
  return AppendInteger(number, bytes, out);
}

Reading ReadFloat8(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kReal: return AppendDouble(value.real, out);
    case StorageClass::kInteger: {
      const auto number = static_cast<double>(value.integer);
      if (number == kTwoTo63 || static_cast<std::int64_t>(number) != value.integer) return Unfit("not_exact");
      return AppendDouble(number, out);
    }
    case StorageClass::kText: return DoubleFromText(absl::StripAsciiWhitespace(value.bytes), out);
    default: return WrongType();
  }
}

Reading ReadNumeric(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kInteger: absl::StrAppend(&out, value.integer); return Exact();
    case StorageClass::kReal:
      if (std::isinf(value.real)) return Unfit("out_of_range");
      if (!std::isnan(value.real)) return NumericFromDecimal(ScientificText(value.real), out);
      break;
    case StorageClass::kText: {
      const absl::string_view text = absl::StripAsciiWhitespace(value.bytes);
      if (!absl::EqualsIgnoreCase(text, "nan")) return NumericFromDecimal(text, out);
      break;
    }
    default: return WrongType();
  }
  absl::StrAppend(&out, "NaN");
  return Exact();
}

}  // namespace vecferry::verifier
