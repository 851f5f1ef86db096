#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/convert/decimal.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

// The words that Postgres' float8in and numeric_in know; nullopt: another text.
std::optional<double> ReadWord(absl::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  absl::string_view word = text;
  if (negative || (!text.empty() && text[0] == '+')) word.remove_prefix(1);
  const double infinity = std::numeric_limits<double>::infinity();
  if (absl::EqualsIgnoreCase(word, "inf") || absl::EqualsIgnoreCase(word, "infinity")) {
    return negative ? -infinity : infinity;
  }
  if (absl::EqualsIgnoreCase(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

void AppendFloat8(double value, std::string& out) { AppendBigEndian(std::bit_cast<std::uint64_t>(value), 8, out); }

Outcome TextToFloat8(const core::ValueView& value, std::string& out) {
  const absl::string_view text = Trim(value.bytes);
  if (const std::optional<double> word = ReadWord(text)) {
    AppendFloat8(*word, out);
    return Exact();
  }
  const std::optional<Decimal> decimal = ReadDecimal(text);
  if (!decimal) return WrongType(value, "number");
  const absl::string_view digits = text[0] == '+' ? text.substr(1) : text;
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || (number == 0 && !decimal->digits.empty())) {
    return Unfit("out_of_range", absl::StrCat(Describe(value), " is beyond double precision"));
  }
  if (!IsSameNumber(number, *decimal)) {
    return Unfit("not_exact", absl::StrCat(Describe(value), " has more digits than double precision holds"));
  }
  AppendFloat8(number, out);
  return Exact();
}

Outcome TextToNumeric(const core::ValueView& value, std::string& out) {
  const absl::string_view text = Trim(value.bytes);
  if (absl::EqualsIgnoreCase(text, "nan")) {
    AppendBigEndian(0, 4, out);
    AppendBigEndian(0xc000, 2, out);
    AppendBigEndian(0, 2, out);
    return Exact();
  }
  const std::optional<Decimal> decimal = ReadDecimal(text);
  if (!decimal) return WrongType(value, "number");
  if (!FitsNumeric(*decimal)) return Unfit("out_of_range", absl::StrCat(Describe(value), " is beyond numeric"));
  AppendNumeric(*decimal, out);
  return Exact();
}

}  // namespace

Outcome ToFloat8(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kText: return TextToFloat8(value, out);
    case core::StorageClass::kBlob: return WrongType(value, "number");
    case core::StorageClass::kReal: AppendFloat8(value.real, out); return Exact();
    case core::StorageClass::kInteger: break;
  }
  const auto number = static_cast<double>(value.integer);
  // 2^63 is the one double that an int64 can round to and that is no int64 itself.
  const bool exact = number < 9223372036854775808.0 && static_cast<std::int64_t>(number) == value.integer;
  if (!exact) return Unfit("not_exact", absl::StrCat(Describe(value), " has more digits than double precision holds"));
  AppendFloat8(number, out);
  return Exact();
}

Outcome ToNumeric(const core::ValueView& value, std::string& out) {
  std::string digits;
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kText: return TextToNumeric(value, out);
    case core::StorageClass::kBlob: return WrongType(value, "number");
    case core::StorageClass::kInteger: digits = absl::StrCat(value.integer); break;
    case core::StorageClass::kReal:
      // Servers before 14 have no infinite numeric.
      if (!std::isfinite(value.real)) return Unfit("out_of_range", absl::StrCat(Describe(value), " is beyond numeric"));
      digits = RealText(value.real);
      break;
  }
  std::optional<Decimal> decimal = ReadDecimal(digits);
  // RealText writes "5.0" and "1.0e-05": the zero says nothing here.
  if (absl::EndsWith(digits, ".0")) decimal->scale = 0;
  if (absl::StrContains(digits, ".0e-")) --decimal->scale;
  AppendNumeric(*decimal, out);
  return Exact();
}

}  // namespace vecferry::convert
