#include "verifier/decimal_text.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace vecferry::verifier {
namespace {

// What numeric holds: https://www.postgresql.org/docs/15/datatype-numeric.html
constexpr std::int64_t kDigitsBeforePointMax = 131'072, kDigitsAfterPointMax = 16'383;
// Postgres refuses exponents from INT_MAX / 2 on, those of zero too.
constexpr std::int64_t kExponentMax = (std::int64_t{1} << 30) - 2;
// Far beyond everything that is told apart, so that sums with it cannot overflow.
constexpr std::int64_t kExponentCut = std::int64_t{1} << 40;

absl::string_view TakeDigits(absl::string_view& text) {
  const std::size_t end = std::find_if_not(text.begin(), text.end(), absl::ascii_isdigit) - text.begin();
  const absl::string_view digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

bool TakeSign(absl::string_view& text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative || (!text.empty() && text[0] == '+')) text.remove_prefix(1);
  return negative;
}

absl::string_view WithoutLeadingZeros(absl::string_view digits) {
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits;
}

// Significant digits of any double; fewer say it exactly.
constexpr int kExactDigitsMax = 767;

}  // namespace

std::optional<Decimal> ParseDecimal(absl::string_view text) {
  Decimal decimal;
  decimal.negative = TakeSign(text);
  decimal.unsigned_text = text;
  decimal.whole = TakeDigits(text);
  if (!text.empty() && text[0] == '.') {
    text.remove_prefix(1);
    decimal.fraction = TakeDigits(text);
  }
  if (decimal.whole.empty() && decimal.fraction.empty()) return std::nullopt;
  if (text.empty()) return decimal;
  if (text[0] != 'e' && text[0] != 'E') return std::nullopt;
  text.remove_prefix(1);
  const bool down = TakeSign(text);
  const absl::string_view exponent = TakeDigits(text);
  if (exponent.empty() || !text.empty()) return std::nullopt;
  for (const char digit : exponent) {
    decimal.exponent = std::min(decimal.exponent * 10 + (digit - '0'), kExponentCut);
  }
  if (down) decimal.exponent = -decimal.exponent;
  return decimal;
}

bool AppendNumeric(const Decimal& decimal, std::string& out) {
  if (std::abs(decimal.exponent) > kExponentMax) return false;
  const auto fraction_digits = static_cast<std::int64_t>(decimal.fraction.size());
  const std::int64_t scale = std::max<std::int64_t>(0, fraction_digits - decimal.exponent);
  if (scale > kDigitsAfterPointMax) return false;
  const Magnitude magnitude = MagnitudeOf(decimal);
  if (magnitude.point > kDigitsBeforePointMax) return false;
  const absl::string_view digits = magnitude.digits;
  const auto before_point = static_cast<std::size_t>(std::max<std::int64_t>(magnitude.point, 0));
  if (decimal.negative && !digits.empty()) out.push_back('-');
  if (before_point == 0) out.push_back('0');
  absl::StrAppend(&out, digits.substr(0, before_point));
  out.append(before_point - std::min(before_point, digits.size()), '0');
  if (scale == 0) return true;
  out.push_back('.');
  const std::size_t end = out.size() + static_cast<std::size_t>(scale);
  out.append(static_cast<std::size_t>(std::max<std::int64_t>(-magnitude.point, 0)), '0');
  if (before_point < digits.size()) absl::StrAppend(&out, digits.substr(before_point));
  out.append(end - out.size(), '0');
  return true;
}

Magnitude MagnitudeOf(const Decimal& decimal) {
  Magnitude magnitude;
  magnitude.digits.reserve(decimal.whole.size() + decimal.fraction.size());
  absl::StrAppend(&magnitude.digits, WithoutLeadingZeros(decimal.whole), decimal.fraction);
  const std::size_t fraction_at = magnitude.digits.size() - decimal.fraction.size();
  const std::size_t first = magnitude.digits.find_first_not_of('0'), last = magnitude.digits.find_last_not_of('0');
  if (first == std::string::npos) return {};
  magnitude.point = static_cast<std::int64_t>(fraction_at) - static_cast<std::int64_t>(first) + decimal.exponent;
  magnitude.digits.erase(last + 1);
  magnitude.digits.erase(0, first);
  return magnitude;
}

namespace {

template <typename Float>
Float Nearest(const Decimal& decimal) {
  const absl::string_view text = decimal.unsigned_text;
  Float number = 0;
  // libstdc++ leaves `number` alone when it is out of range, above and below.
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc::result_out_of_range) {
    number = MagnitudeOf(decimal).point > 0 ? std::numeric_limits<Float>::infinity() : 0;
  }
  return decimal.negative ? -number : number;
}

// Calls `take` with a finite number as std::to_chars writes it with `how`.
template <typename Float, typename Take, typename... How>
auto Written(Float number, const Take& take, How... how) {
  char buffer[kExactDigitsMax + 16];
  const char* const end =
      std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific, how...).ptr;
  return take(*ParseDecimal(absl::string_view(buffer, end - buffer)));
}

}  // namespace

float NearestFloat(const Decimal& decimal) { return Nearest<float>(decimal); }
double NearestDouble(const Decimal& decimal) { return Nearest<double>(decimal); }
Magnitude ExactMagnitude(double number) { return Written(number, MagnitudeOf, kExactDigitsMax - 1); }
Magnitude ShortestMagnitude(double number) { return Written(number, MagnitudeOf); }

bool Says(float number, const Decimal& decimal) {
  const double wanted = NearestDouble(decimal);
  if (wanted == 0) return MagnitudeOf(decimal).digits.empty();
  return wanted == number || wanted == Written(number, NearestDouble);
}

}  // namespace vecferry::verifier
