#include <algorithm>

#include "absl/strings/str_cat.h"
#include "verifier/bytes.h"
#include "verifier/decimal_text.h"
#include "verifier/fields.h"

namespace vecferry::verifier {
namespace {

// numeric_send: groups, weight, sign, digits after the point, then the groups of four decimal digits.
constexpr std::size_t kHeaderBytes = 8;
constexpr int kDigitsOfGroup = 4;
constexpr std::uint16_t kPositive = 0x0000, kNegative = 0x4000, kNaN = 0xc000, kInfinity = 0xd000,
                        kNegativeInfinity = 0xf000;
constexpr int kScaleMax = 0x3fff;

absl::string_view SpecialName(std::uint16_t sign) {
  switch (sign) {
    case kNaN: return "NaN";
    case kInfinity: return "Infinity";
    case kNegativeInfinity: return "-Infinity";
    default: return "";
  }
}

bool AppendGroup(const char* bytes, std::string& digits) {
  const auto group = FromNetwork<std::uint16_t>(bytes);
  if (group > 9999) return false;
  for (const int place : {1000, 100, 10, 1}) digits.push_back(static_cast<char>('0' + group / place % 10));
  return true;
}

}  // namespace

bool AppendNumericField(absl::string_view field, std::string& out) {
  if (field.size() < kHeaderBytes) return false;
  const auto groups = FromNetwork<std::uint16_t>(field.data());
  const int weight = static_cast<std::int16_t>(FromNetwork<std::uint16_t>(field.data() + 2));
  const auto sign = FromNetwork<std::uint16_t>(field.data() + 4);
  const int scale = FromNetwork<std::uint16_t>(field.data() + 6);
  if (field.size() != kHeaderBytes + std::size_t{groups} * 2 || scale > kScaleMax) return false;
  if (const absl::string_view name = SpecialName(sign); !name.empty()) {
    absl::StrAppend(&out, name);
    return groups == 0;
  }
  if (sign != kPositive && sign != kNegative) return false;
  std::string digits;
  for (std::size_t group = 0; group < groups; ++group) {
    if (!AppendGroup(field.data() + kHeaderBytes + group * 2, digits)) return false;
  }
  // The digits as a fraction of exactly `scale` places, by which they are the number again.
  const int point = groups == 0 ? 0 : (weight + 1) * kDigitsOfGroup;  // digits before it; negative: zeros after it
  if (point < 0) digits.insert(0, static_cast<std::size_t>(-point), '0');
  const auto before = static_cast<std::size_t>(std::max(point, 0)), all = before + static_cast<std::size_t>(scale);
  if (digits.size() > all && digits.find_first_not_of('0', all) != std::string::npos) return false;
  digits.resize(all, '0');
  Decimal decimal;
  decimal.negative = sign == kNegative;
  decimal.whole = absl::string_view(digits).substr(0, before);
  decimal.fraction = absl::string_view(digits).substr(before);
  return AppendNumeric(decimal, out);
}

}  // namespace vecferry::verifier
