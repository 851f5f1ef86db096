#include "absl/strings/str_cat.h"
#include "common/convert/wire.h"
#include "common/core/utf8.h"

namespace vecferry::convert {
namespace {

bool IsPlainText(absl::string_view text) {
  return core::ValidUtf8Prefix(text) == text.size() && text.find('\0') == absl::string_view::npos;
}

// Appends `text` without NULs, with U+FFFD for each invalid sequence. Returns how many sequences were invalid.
int AppendRepaired(absl::string_view text, std::string& out) {
  int invalid = 0;
  while (!text.empty()) {
    const std::size_t valid = core::ValidUtf8Prefix(text);
    for (const char c : text.substr(0, valid)) {
      if (c != '\0') out.push_back(c);
    }
    text.remove_prefix(valid);
    if (text.empty()) break;
    absl::StrAppend(&out, core::kReplacementCharacter);
    text.remove_prefix(core::InvalidUtf8Length(text));
    ++invalid;
  }
  return invalid;
}

}  // namespace

Outcome ToText(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kInteger: absl::StrAppend(&out, value.integer); return Exact();
    case core::StorageClass::kReal: absl::StrAppend(&out, RealText(value.real)); return Exact();
    case core::StorageClass::kText:
    case core::StorageClass::kBlob: break;
  }
  if (IsPlainText(value.bytes)) {
    out.append(value.bytes.data(), value.bytes.size());
    return Exact();
  }
  if (value.storage == core::StorageClass::kBlob) return WrongType(value, "text");
  const std::size_t before = out.size();
  const int invalid = AppendRepaired(value.bytes, out);
  if (invalid > 0) {
    return Repaired("invalid_utf8", absl::StrCat(invalid, " invalid UTF-8 sequences became U+FFFD"));
  }
  return Repaired("nul_in_text", absl::StrCat(value.bytes.size() - (out.size() - before), " NULs removed"));
}

Outcome ToBytea(const core::ValueView& value, std::string& out) {
  if (value.is_null()) return Null();
  if (value.storage != core::StorageClass::kBlob && value.storage != core::StorageClass::kText) {
    return WrongType(value, "blob");
  }
  out.append(value.bytes.data(), value.bytes.size());
  return Exact();
}

}  // namespace vecferry::convert
