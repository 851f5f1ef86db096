#include "common/convert/decimal.h"

#include <algorithm>
#include <charconv>

#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

constexpr std::int64_t kExponentMax = 0x7fffffff / 2;  // where Postgres' set_var_from_str refuses to read on
constexpr std::int64_t kScaleMax = 16383;              // NUMERIC_DSCALE_MAX
constexpr std::int64_t kPointMax = 131072;             // 4 x (NUMERIC_WEIGHT_MAX + 1)
constexpr int kGroup = 4;                              // decimal digits in one of numeric's base-10000 digits

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::size_t CountDigits(absl::string_view text) {
  return std::find_if_not(text.begin(), text.end(), IsDigit) - text.begin();
}

// Reads "e", sign and digits, all of `text`.
bool ReadExponent(absl::string_view text, std::int64_t& exponent) {
  if (text.empty() || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(1);
  const bool negative = !text.empty() && text[0] == '-';
  const bool has_sign = negative || (!text.empty() && text[0] == '+');
  const absl::string_view digits = text.substr(has_sign ? 1 : 0);
  if (digits.empty() || CountDigits(digits) != digits.size()) return false;
  // No type holds more: whatever is as large may be taken for the bound.
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (error != std::errc() || exponent >= kExponentMax) exponent = kExponentMax;
  if (negative) exponent = -exponent;
  return true;
}

std::size_t WithoutTrailingZeros(const std::string& digits) { return digits.find_last_not_of('0') + 1; }

std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  return value >= 0 ? value / by : -((-value + by - 1) / by);
}

}  // namespace

bool Decimal::SameNumber(const Decimal& other) const {
  const std::size_t size = WithoutTrailingZeros(digits);
  if (size != WithoutTrailingZeros(other.digits) || digits.compare(0, size, other.digits, 0, size) != 0) return false;
  return size == 0 || (negative == other.negative && point == other.point);
}

std::optional<Decimal> ReadDecimal(absl::string_view text) {
  Decimal decimal;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    decimal.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const std::size_t whole = CountDigits(text);
  decimal.digits.assign(text.data(), whole);
  text.remove_prefix(whole);
  std::size_t fraction = 0;
  if (!text.empty() && text[0] == '.') {
    fraction = CountDigits(text.substr(1));
    decimal.digits.append(text.data() + 1, fraction);
    text.remove_prefix(1 + fraction);
  }
  if (decimal.digits.empty()) return std::nullopt;
  std::int64_t exponent = 0;
  if (!text.empty() && !ReadExponent(text, exponent)) return std::nullopt;
  decimal.refused = exponent >= kExponentMax || exponent <= -kExponentMax;
  decimal.scale = std::max<std::int64_t>(0, static_cast<std::int64_t>(fraction) - exponent);
  const std::size_t zeros = std::min(decimal.digits.find_first_not_of('0'), decimal.digits.size());
  decimal.digits.erase(0, zeros);
  if (!decimal.digits.empty()) decimal.point = static_cast<std::int64_t>(whole - zeros) + exponent;
  return decimal;
}

bool FitsNumeric(const Decimal& decimal) {
  return !decimal.refused && decimal.scale <= kScaleMax && decimal.point <= kPointMax;
}

void AppendNumeric(const Decimal& decimal, std::string& out) {
  const std::size_t size = WithoutTrailingZeros(decimal.digits);
  // The first group holds the digits of 10000^weight; digit i of the number lies at place point - 1 - i.
  const std::int64_t weight = size == 0 ? 0 : FloorDivide(decimal.point - 1, kGroup);
  const std::int64_t lead = size == 0 ? 0 : (weight + 1) * kGroup - decimal.point;  // zeros before the first digit
  const std::int64_t groups = (lead + static_cast<std::int64_t>(size) + kGroup - 1) / kGroup;
  AppendBigEndian(static_cast<std::uint64_t>(groups), 2, out);
  AppendBigEndian(static_cast<std::uint64_t>(weight), 2, out);
  AppendBigEndian(decimal.negative && size > 0 ? 0x4000 : 0, 2, out);
  AppendBigEndian(static_cast<std::uint64_t>(decimal.scale), 2, out);
  for (std::int64_t group = 0; group < groups; ++group) {
    unsigned number = 0;
    for (int place = 0; place < kGroup; ++place) {
      const std::int64_t at = group * kGroup + place - lead;
      const bool inside = at >= 0 && at < static_cast<std::int64_t>(size);
      number = number * 10 + (inside ? decimal.digits[at] - '0' : 0);
    }
    AppendBigEndian(number, 2, out);
  }
}

bool IsSameNumber(double value, const Decimal& decimal) {
  if (const auto shortest = ReadDecimal(RealText(value)); shortest && shortest->SameNumber(decimal)) return true;
  char exact[800];  // a double has at most 767 significant digits
  const auto end = std::to_chars(exact, exact + sizeof(exact), value, std::chars_format::scientific, 770).ptr;
  const auto whole = ReadDecimal(absl::string_view(exact, end - exact));
  return whole && whole->SameNumber(decimal);
}

}  // namespace vecferry::convert
