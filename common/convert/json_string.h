#ifndef VECFERRY_COMMON_CONVERT_JSON_STRING_H_
#define VECFERRY_COMMON_CONVERT_JSON_STRING_H_

#include <string>

#include "absl/strings/string_view.h"

// Within common/convert only.
namespace vecferry::convert {

// What repairing strings changed: counts of places.
struct JsonRepairs {
  int nuls = 0, surrogates = 0, invalid_utf8 = 0;
  bool any() const { return nuls + surrogates + invalid_utf8 > 0; }
};

// Appends what the string token `raw` (with its quotes, well-formed) stands for: NULs left out, U+FFFD for each lone
// surrogate and each invalid UTF-8 sequence.
void DecodeJsonString(absl::string_view raw, std::string& out, JsonRepairs& repairs);

// Appends the token with only those places changed.
void RewriteJsonString(absl::string_view raw, std::string& out, JsonRepairs& repairs);

// The value of four hex digits at the front of `text`; -1 when they are not there.
int ReadHex4(absl::string_view text);
bool IsHighSurrogate(int unit);
bool IsLowSurrogate(int unit);
// The low surrogate that the escape at the front of `text` is; -1 when there is none.
int ReadLowSurrogate(absl::string_view text);

}  // namespace vecferry::convert

#endif  // VECFERRY_COMMON_CONVERT_JSON_STRING_H_
