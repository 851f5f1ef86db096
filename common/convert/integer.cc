#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

// What a value says of an integer.
struct Said {
  std::optional<std::int64_t> number;
  bool too_large = false;  // an integer, but beyond 64 bits
};

Said FromReal(double real) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63: the first double beyond
  if (std::trunc(real) != real || std::isinf(real)) return {};
  if (!(real >= -kEnd && real < kEnd)) return {std::nullopt, true};
  return {static_cast<std::int64_t>(real)};
}

// As Postgres' int8in: white space, a sign, decimal digits.
Said FromText(absl::string_view text) {
  text = Trim(text);
  const bool plus = !text.empty() && text[0] == '+';
  if (plus) text.remove_prefix(1);
  if (plus && !text.empty() && text[0] == '-') return {};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size()) return {};
  if (error == std::errc::result_out_of_range) return {std::nullopt, true};
  return error == std::errc() ? Said{number} : Said{};
}

}  // namespace

Outcome ToInt(const core::ValueView& value, int bytes, std::string& out) {
  Said said;
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kInteger: said.number = value.integer; break;
    case core::StorageClass::kReal: said = FromReal(value.real); break;
    case core::StorageClass::kText: said = FromText(value.bytes); break;
    case core::StorageClass::kBlob: break;
  }
  if (!said.number && !said.too_large) return WrongType(value, "integer");
  const std::int64_t most = bytes == 8 ? INT64_MAX : (std::int64_t{1} << (8 * bytes - 1)) - 1;
  if (said.too_large || *said.number > most || *said.number < -most - 1) {
    return Unfit("out_of_range", absl::StrCat(Describe(value), " does not fit in ", bytes, " bytes"));
  }
  AppendBigEndian(static_cast<std::uint64_t>(*said.number), bytes, out);
  return Exact();
}

}  // namespace vecferry::convert
