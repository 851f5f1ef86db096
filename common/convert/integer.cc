#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

// The integer that a real stands for; nullopt when it is none or beyond 64 bits.
std::optional<std::int64_t> FromReal(double real) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63: the first double beyond
  if (!(real >= -kEnd && real < kEnd) || std::trunc(real) != real) return std::nullopt;
  return static_cast<std::int64_t>(real);
}

// As Postgres' int8in: white space, a sign, decimal digits.
std::optional<std::int64_t> FromText(absl::string_view text) {
  text = Trim(text);
  const bool plus = !text.empty() && text[0] == '+';
  if (plus) text.remove_prefix(1);
  if (plus && !text.empty() && text[0] == '-') return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Outcome ToInt(const core::ValueView& value, int bytes, std::string& out) {
  std::optional<std::int64_t> number;
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kInteger: number = value.integer; break;
    case core::StorageClass::kReal: number = FromReal(value.real); break;
    case core::StorageClass::kText: number = FromText(value.bytes); break;
    case core::StorageClass::kBlob: break;
  }
  if (!number) return WrongType(value, "integer");
  const std::int64_t most = bytes == 8 ? INT64_MAX : (std::int64_t{1} << (8 * bytes - 1)) - 1;
  if (*number > most || *number < -most - 1) {
    return Unfit("out_of_range", absl::StrCat(Describe(value), " does not fit in ", bytes, " bytes"));
  }
  AppendBigEndian(static_cast<std::uint64_t>(*number), bytes, out);
  return Exact();
}

}  // namespace vecferry::convert
