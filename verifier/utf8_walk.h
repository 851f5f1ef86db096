#ifndef VECFERRY_VERIFIER_UTF8_WALK_H_
#define VECFERRY_VERIFIER_UTF8_WALK_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::verifier {

// U+FFFD, which takes the place of bytes that are no character.
inline constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

struct Utf8Step {
  std::size_t bytes;  // at least 1
  bool valid;         // false: the maximal part of an invalid sequence (Unicode, section 3.9)
};
// What `rest`, which is not empty, begins with.
Utf8Step NextUtf8(absl::string_view rest);

// Whether Postgres takes `text` as it is: UTF-8 without NUL.
bool IsCleanText(absl::string_view text);

struct TextFaults {
  bool nul = false;           // NULs were left out
  bool invalid_utf8 = false;  // kReplacement stands for each maximal part of an invalid sequence
};
// Appends `text` as Postgres takes it.
TextFaults AppendCleaned(absl::string_view text, std::string& out);

void AppendUtf8(char32_t character, std::string& out);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_UTF8_WALK_H_
