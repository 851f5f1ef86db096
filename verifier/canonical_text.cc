#include <cmath>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "verifier/bytes.h"
#include "verifier/calendar.h"
#include "verifier/canonical.h"
#include "verifier/fields.h"
#include "verifier/half.h"
#include "verifier/real_text.h"
#include "verifier/uuid_text.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;

template <typename Signed, typename Unsigned>
std::string IntegerText(absl::string_view canonical) {
  return absl::StrCat(static_cast<Signed>(FromNetwork<Unsigned>(canonical.data())));
}

template <typename Float, typename Unsigned>
Float FloatOf(const char* bytes) {
  const auto bits = FromNetwork<Unsigned>(bytes);
  Float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

std::string TimestampText(absl::string_view canonical) {
  const auto microseconds = static_cast<std::int64_t>(FromNetwork<std::uint64_t>(canonical.data()));
  if (microseconds == INT64_MAX) return "infinity";
  if (microseconds == INT64_MIN) return "-infinity";
  constexpr std::int64_t kMicrosecondsOfDay = kSecondsOfDay * 1'000'000;
  std::int64_t days = microseconds / kMicrosecondsOfDay, of_day = microseconds % kMicrosecondsOfDay;
  if (of_day < 0) {
    of_day += kMicrosecondsOfDay;
    --days;
  }
  const Date date = DateOf(days);
  const std::int64_t seconds = of_day / 1'000'000;
  return absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d.%06d+00%s", date.year > 0 ? date.year : 1 - date.year,
                         date.month, date.day, seconds / 3600, seconds / 60 % 60, seconds % 60, of_day % 1'000'000,
                         date.year > 0 ? "" : " BC");
}

std::string VectorText(PgKind kind, absl::string_view canonical) {
  std::string text = "[";
  const std::size_t bytes = kind == PgKind::kVector ? 4 : 2;
  for (std::size_t at = 4; at + bytes <= canonical.size(); at += bytes) {
    const char* const component = canonical.data() + at;
    const float number = kind == PgKind::kVector ? FloatOf<float, std::uint32_t>(component)
                                                 : NumberOfHalf(FromNetwork<std::uint16_t>(component));
    absl::StrAppend(&text, at == 4 ? "" : ",", PostgresText(number));
  }
  return text + "]";
}

std::string ElementText(PgKind kind, const std::optional<absl::string_view>& element) {
  if (!element) return "NULL";
  if (kind == PgKind::kUuidArray) return UuidTextOf(*element);
  std::string text = "\"";
  for (const char character : *element) {
    if (character == '"' || character == '\\') text.push_back('\\');
    text.push_back(character);
  }
  return text + "\"";
}

std::string ListText(PgKind kind, absl::string_view canonical) {
  std::vector<std::string> elements;
  while (!canonical.empty()) {
    const bool is_null = canonical[0] == '\0';
    canonical.remove_prefix(1);
    if (is_null) {
      elements.push_back(ElementText(kind, std::nullopt));
      continue;
    }
    const auto bytes = FromNetwork<std::uint32_t>(canonical.data());
    elements.push_back(ElementText(kind, canonical.substr(4, bytes)));
    canonical.remove_prefix(4 + std::size_t{bytes});
  }
  return absl::StrCat("{", absl::StrJoin(elements, ","), "}");
}

// '[2:3]={"a","b"}', '{{"a"},{"b"}}': bounds only where one is not 1.
std::string OtherShapeText(PgKind kind, absl::string_view field) {
  const ArrayField array = *ParseArrayField(kind, field);
  std::string bounds;
  bool usual = true;
  for (const ArrayField::Dimension& dimension : array.dimensions) {
    usual &= dimension.lower_bound == 1;
    absl::StrAppend(&bounds, "[", dimension.lower_bound, ":", std::int64_t{dimension.lower_bound} + dimension.size - 1,
                    "]");
  }
  std::string text = usual ? "" : bounds + "=";
  for (std::size_t at = 0; at < array.elements.size(); ++at) {
    // How many dimensions begin, and end, at this element.
    std::string begins, ends;
    std::size_t elements = 1;
    for (std::size_t inner = array.dimensions.size(); inner-- > 0;) {
      elements *= array.dimensions[inner].size;
      if (at % elements == 0) begins += "{";
      if ((at + 1) % elements == 0) ends += "}";
    }
    absl::StrAppend(&text, at == 0 ? "" : ",", begins, ElementText(kind, array.elements[at]), ends);
  }
  return text;
}

}  // namespace

std::string CanonicalText(const core::PgType& type, absl::string_view canonical) {
  switch (type.kind) {
    case PgKind::kBool: return canonical[0] == '\0' ? "f" : "t";
    case PgKind::kInt2: return IntegerText<std::int16_t, std::uint16_t>(canonical);
    case PgKind::kInt4: return IntegerText<std::int32_t, std::uint32_t>(canonical);
    case PgKind::kInt8: return IntegerText<std::int64_t, std::uint64_t>(canonical);
    case PgKind::kFloat8: return PostgresText(FloatOf<double, std::uint64_t>(canonical.data()));
    case PgKind::kNumeric:
    case PgKind::kText:
    case PgKind::kJsonb: return std::string(canonical);
    case PgKind::kBytea: return absl::StrCat("\\x", absl::BytesToHexString(canonical));
    case PgKind::kUuid: return UuidTextOf(canonical);
    case PgKind::kTimestamptz: return TimestampText(canonical);
    case PgKind::kTextArray:
    case PgKind::kUuidArray:
      return !canonical.empty() && canonical[0] == kOtherShape ? OtherShapeText(type.kind, canonical.substr(1))
                                                               : ListText(type.kind, canonical);
    case PgKind::kVector:
    case PgKind::kHalfvec: return VectorText(type.kind, canonical);
  }
  return std::string(canonical);
}

}  // namespace vecferry::verifier
