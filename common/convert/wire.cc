#include "common/convert/wire.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/core/migration.h"

namespace vecferry::convert {
namespace {

constexpr std::size_t kExcerptBytes = 40;

// Six white space characters of C's isspace, which Postgres' input functions skip.
bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

Outcome Repaired(absl::string_view kind, std::string reason) { return {Fidelity::kRepaired, kind, std::move(reason)}; }

Outcome Unfit(absl::string_view kind, std::string reason) { return {Fidelity::kUnfit, kind, std::move(reason)}; }

Outcome WrongType(const core::ValueView& value, absl::string_view wanted) {
  return Unfit("wrong_type", absl::StrCat(Describe(value), " is no ", wanted));
}

std::string Describe(const core::ValueView& value) {
  switch (value.storage) {
    case core::StorageClass::kNull: return "NULL";
    case core::StorageClass::kInteger: return absl::StrCat("integer ", value.integer);
    case core::StorageClass::kReal: return absl::StrCat("real ", RealText(value.real));
    case core::StorageClass::kBlob: return absl::StrCat("a blob of ", value.bytes.size(), " bytes");
    case core::StorageClass::kText: break;
  }
  const bool cut = value.bytes.size() > kExcerptBytes;
  return absl::StrCat("text '", core::SanitizeText(value.bytes.substr(0, kExcerptBytes)), cut ? "...'" : "'");
}

absl::string_view Trim(absl::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

absl::string_view WithoutNuls(absl::string_view text, std::string& buffer, int& nuls) {
  nuls = static_cast<int>(std::count(text.begin(), text.end(), '\0'));
  if (nuls == 0) return text;
  std::remove_copy(text.begin(), text.end(), std::back_inserter(buffer), '\0');
  return buffer;
}

std::string RealText(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "Inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const absl::string_view scientific(buffer, end - buffer);  // "-d.ddde-XX"
  const std::size_t e = scientific.find('e');
  absl::string_view digits = scientific.substr(0, e);
  int exponent = 0;
  const char* exponent_text = buffer + e + 1 + (buffer[e + 1] == '+' ? 1 : 0);
  std::from_chars(exponent_text, end, exponent);
  // SQLite changes to an exponent where 15 digits no longer reach the point.
  if (exponent < -4 || exponent > 14) {
    const bool has_point = absl::StrContains(digits, '.');
    return absl::StrCat(digits, has_point ? "" : ".0", scientific.substr(e));
  }
  char fixed[48];
  const auto fixed_end = std::to_chars(fixed, fixed + sizeof(fixed), value, std::chars_format::fixed).ptr;
  const absl::string_view plain(fixed, fixed_end - fixed);
  return absl::StrCat(plain, absl::StrContains(plain, '.') ? "" : ".0");
}

}  // namespace vecferry::convert
