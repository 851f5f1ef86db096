#include "common/profile/names.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/core/migration.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "common/core/utf8.h"

namespace vecferry::profile {
namespace {

constexpr std::size_t kBytesMax = 63;  // NAMEDATALEN - 1
constexpr std::size_t kHashBytes = 9;  // "_" and eight digits

bool IsSystemColumn(const std::string& name) {
  static const std::set<std::string> names = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};
  return names.count(name) != 0;
}

std::string CutAtCharacter(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

std::string WithHash(const std::string& shown, const std::string& hashed) {
  const core::ValueView value = core::ValueView::Text(hashed);
  char digits[kHashBytes + 1];
  std::snprintf(digits, sizeof digits, "_%08x",
                static_cast<unsigned>(core::HashRow(absl::MakeConstSpan(&value, 1)).low & 0xFFFFFFFFU));
  return CutAtCharacter(shown, kBytesMax - kHashBytes) + digits;
}

}  // namespace

std::string NameSet::Add(const std::string& wanted) {
  const bool valid = core::ValidUtf8Prefix(wanted) == wanted.size();
  const std::string shown = valid ? wanted : core::SanitizeText(wanted);
  std::string name = wanted;
  if (!valid || wanted.empty() || wanted.size() > kBytesMax || IsSystemColumn(wanted)) name = WithHash(shown, wanted);
  std::string salted = wanted;
  while (Has(name)) {
    salted += '+';
    name = WithHash(shown, salted);
  }
  taken_.insert(name);
  return name;
}

std::string JoinName(const std::string& table, const std::vector<std::string>& columns, const std::string& suffix) {
  return absl::StrCat(table, "_", absl::StrJoin(columns, "_"), columns.empty() ? "" : "_", suffix);
}

std::string ColumnList(const std::vector<std::string>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const std::string& column) {
    absl::StrAppend(out, core::QuoteIdentifier(column));
  });
}

}  // namespace vecferry::profile
