#ifndef VECFERRY_COMMON_CONVERT_WIRE_H_
#define VECFERRY_COMMON_CONVERT_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/convert/convert.h"

// Within common/convert only: what all conversions share.
namespace vecferry::convert {

// Appends the low `bytes` bytes of `value`, most significant first.
inline void AppendBigEndian(std::uint64_t value, int bytes, std::string& out) {
  char buffer[8];
  for (int i = 0; i < bytes; ++i) buffer[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
  out.append(buffer, bytes);
}

inline Outcome Exact() { return {}; }
inline Outcome Null() { return {Fidelity::kNull, {}, {}}; }
inline Outcome Rounded() { return {Fidelity::kRounded, {}, {}}; }
Outcome Repaired(absl::string_view kind, std::string reason);
Outcome Unfit(absl::string_view kind, std::string reason);
// kUnfit `wrong_type`: "text 'abc' is no integer".
Outcome WrongType(const core::ValueView& value, absl::string_view wanted);

// `value` for people: its storage class and the beginning of its content, valid UTF-8 on one line.
std::string Describe(const core::ValueView& value);

// Without the white space around it that Postgres' input functions ignore.
absl::string_view Trim(absl::string_view text);

// `text` without its NULs: itself when it has none, else `buffer`, which gets the rest. Tells how many there were.
absl::string_view WithoutNuls(absl::string_view text, std::string& buffer, int& nuls);

// A finite or infinite double as text: the shortest digits that read back as the same bits, laid out as SQLite's
// CAST(real AS TEXT): "0.1", "5.0", "1.0e+20", "-Inf".
std::string RealText(double value);

// Reads a UUID in every spelling that Postgres' uuid takes: any case, with or without braces,
// hyphens after any group of four digits. Writes 16 bytes to `uuid`; false when it is no UUID.
bool ReadUuid(absl::string_view text, unsigned char uuid[16]);
// Whether `text`, which ReadUuid took, is already in Postgres' own spelling.
bool IsCanonicalUuid(absl::string_view text);

}  // namespace vecferry::convert

#endif  // VECFERRY_COMMON_CONVERT_WIRE_H_
