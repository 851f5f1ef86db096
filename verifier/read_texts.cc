#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "verifier/read_rules.h"
#include "verifier/real_text.h"
#include "verifier/utf8_walk.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;

// A word of Postgres' boolean: https://www.postgresql.org/docs/15/datatype-boolean.html, unique prefixes of them too.
bool IsWord(absl::string_view text, absl::string_view word, std::size_t least) {
  return text.size() >= least && absl::StartsWithIgnoreCase(word, text);
}

Reading AppendBool(bool truth, std::string& out) {
  out.push_back(truth ? '\1' : '\0');
  return Exact();
}

Reading BoolFromText(absl::string_view text, std::string& out) {
  if (text == "1" || IsWord(text, "true", 1) || IsWord(text, "yes", 1) || IsWord(text, "on", 2)) {
    return AppendBool(true, out);
  }
  // "o" alone is neither.
  if (text == "0" || IsWord(text, "false", 1) || IsWord(text, "no", 1) || IsWord(text, "off", 2)) {
    return AppendBool(false, out);
  }
  return WrongType();
}

}  // namespace

Reading ReadBool(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kInteger:
      return value.integer == 0 || value.integer == 1 ? AppendBool(value.integer == 1, out) : WrongType();
    case StorageClass::kReal:
      return value.real == 0 || value.real == 1 ? AppendBool(value.real == 1, out) : WrongType();
    case StorageClass::kText: return BoolFromText(absl::StripAsciiWhitespace(value.bytes), out);
    default: return WrongType();
  }
}

Reading ReadText(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kInteger: absl::StrAppend(&out, value.integer); return Exact();
    case StorageClass::kReal: out += SqliteText(value.real); return Exact();
    case StorageClass::kText:
    case StorageClass::kBlob:
      if (IsCleanText(value.bytes)) {
        out.append(value.bytes.data(), value.bytes.size());
        return Exact();
      }
      if (value.storage == StorageClass::kBlob) return WrongType();
      break;
    default: return WrongType();
  }
  return Repaired(AppendCleaned(value.bytes, out).invalid_utf8 ? "invalid_utf8" : "nul_in_text");
}

Reading ReadBytea(const core::ValueView& value, std::string& out) {
  if (value.storage != StorageClass::kBlob && value.storage != StorageClass::kText) return WrongType();
  out.append(value.bytes.data(), value.bytes.size());
  return Exact();
}

}  // namespace vecferry::verifier
