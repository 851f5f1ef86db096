#include "absl/strings/match.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

// As Postgres' boolin: unique beginnings of the words, whatever the case. -1 = no boolean.
int ReadBool(absl::string_view text) {
  text = Trim(text);
  if (text.empty()) return -1;
  const auto begins = [&](absl::string_view word) { return absl::StartsWithIgnoreCase(word, text); };
  if (begins("true") || begins("yes") || text == "1") return 1;
  if (begins("false") || begins("no") || text == "0") return 0;
  // "o" alone could be either.
  if (absl::EqualsIgnoreCase(text, "on")) return 1;
  if (text.size() >= 2 && begins("off")) return 0;
  return -1;
}

}  // namespace

Outcome ToBool(const core::ValueView& value, std::string& out) {
  int truth = -1;
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kInteger: truth = value.integer == 0 ? 0 : value.integer == 1 ? 1 : -1; break;
    case core::StorageClass::kReal: truth = value.real == 0 ? 0 : value.real == 1 ? 1 : -1; break;
    case core::StorageClass::kText: truth = ReadBool(value.bytes); break;
    case core::StorageClass::kBlob: break;
  }
  if (truth < 0) return WrongType(value, "boolean");
  out.push_back(static_cast<char>(truth));
  return Exact();
}

}  // namespace vecferry::convert
