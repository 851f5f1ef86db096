#ifndef VECFERRY_COMMON_CORE_UTF8_H_
#define VECFERRY_COMMON_CORE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::core {

// UTF-8 as Postgres takes it: RFC 3629 (no overlong forms, no surrogates, nothing beyond U+10FFFF).

inline constexpr absl::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// Bytes of the longest valid beginning of `text`; text.size() when all of it is valid. NUL is valid here.
std::size_t ValidUtf8Prefix(absl::string_view text);

// Bytes of the invalid sequence that `text` begins with, and that one U+FFFD stands for: the longest beginning of a
// valid character, at least 1 (Unicode 15, section 3.9, "maximal subpart"). `text` begins with an invalid byte.
std::size_t InvalidUtf8Length(absl::string_view text);

// Appends `code_point` (at most U+10FFFF) as UTF-8.
void AppendUtf8(std::uint32_t code_point, std::string& out);

// Appends `text` as a JSON string with its quotes. `text` must be valid UTF-8.
void AppendJsonString(absl::string_view text, std::string& out);

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_UTF8_H_
