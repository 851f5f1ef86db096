#include "common/convert/json_string.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "common/core/utf8.h"

namespace vecferry::convert {
namespace {

// A part of a string's content: written plainly or escaped, or one that Postgres' text cannot hold.
struct Piece {
  enum Kind { kPlain, kEscape, kNul, kSurrogate, kInvalidUtf8 } kind;
  absl::string_view raw;
  std::uint32_t code_point = 0;  // kEscape
};

Piece UnicodeEscape(absl::string_view rest) {
  const int unit = ReadHex4(rest.substr(2));
  if (unit == 0) return {Piece::kNul, rest.substr(0, 6)};
  if (IsLowSurrogate(unit)) return {Piece::kSurrogate, rest.substr(0, 6)};
  if (!IsHighSurrogate(unit)) return {Piece::kEscape, rest.substr(0, 6), static_cast<std::uint32_t>(unit)};
  const int low = ReadLowSurrogate(rest.substr(6));
  if (low < 0) return {Piece::kSurrogate, rest.substr(0, 6)};
  const int code_point = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  return {Piece::kEscape, rest.substr(0, 12), static_cast<std::uint32_t>(code_point)};
}

Piece Escape(absl::string_view rest) {
  if (rest[1] == 'u') return UnicodeEscape(rest);
  constexpr absl::string_view kLetters = "bfnrt", kMeanings = "\b\f\n\r\t";
  const std::size_t letter = kLetters.find(rest[1]);
  const char meaning = letter == absl::string_view::npos ? rest[1] : kMeanings[letter];
  return {Piece::kEscape, rest.substr(0, 2), static_cast<unsigned char>(meaning)};
}

// The first piece of `rest`, which is not empty.
Piece FirstPiece(absl::string_view rest) {
  if (rest[0] == '\\') return Escape(rest);
  const absl::string_view plain = rest.substr(0, rest.find('\\'));
  const std::size_t valid = core::ValidUtf8Prefix(plain);
  if (valid > 0) return {Piece::kPlain, plain.substr(0, valid)};
  return {Piece::kInvalidUtf8, plain.substr(0, core::InvalidUtf8Length(plain))};
}

// Calls `take` with each piece between the quotes of `raw`.
template <typename Take>
void ForEachPiece(absl::string_view raw, JsonRepairs& repairs, Take take) {
  for (absl::string_view rest = raw.substr(1, raw.size() - 2); !rest.empty();) {
    const Piece piece = FirstPiece(rest);
    repairs.nuls += piece.kind == Piece::kNul ? 1 : 0;
    repairs.surrogates += piece.kind == Piece::kSurrogate ? 1 : 0;
    repairs.invalid_utf8 += piece.kind == Piece::kInvalidUtf8 ? 1 : 0;
    take(piece);
    rest.remove_prefix(piece.raw.size());
  }
}

}  // namespace

int ReadHex4(absl::string_view text) {
  if (text.size() < 4) return -1;
  int number = 0;
  for (const char c : text.substr(0, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if ((c >= '0' && c <= '9'))
      number = number * 16 + (c - '0');
    else if (lower >= 'a' && lower <= 'f')
      number = number * 16 + (lower - 'a' + 10);
    else
      return -1;
  }
  return number;
}

bool IsHighSurrogate(int unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(int unit) { return unit >= 0xdc00 && unit < 0xe000; }

int ReadLowSurrogate(absl::string_view text) {
  if (!absl::StartsWith(text, "\\u")) return -1;
  const int unit = ReadHex4(text.substr(2));
  return IsLowSurrogate(unit) ? unit : -1;
}

void DecodeJsonString(absl::string_view raw, std::string& out, JsonRepairs& repairs) {
  ForEachPiece(raw, repairs, [&out](const Piece& piece) {
    if (piece.kind == Piece::kPlain) out.append(piece.raw.data(), piece.raw.size());
    if (piece.kind == Piece::kEscape) core::AppendUtf8(piece.code_point, out);
    if (piece.kind == Piece::kSurrogate || piece.kind == Piece::kInvalidUtf8) core::AppendUtf8(0xfffd, out);
  });
}

void RewriteJsonString(absl::string_view raw, std::string& out, JsonRepairs& repairs) {
  out.push_back('"');
  ForEachPiece(raw, repairs, [&out](const Piece& piece) {
    if (piece.kind == Piece::kPlain || piece.kind == Piece::kEscape) out.append(piece.raw.data(), piece.raw.size());
    if (piece.kind == Piece::kSurrogate) out += "\\ufffd";
    if (piece.kind == Piece::kInvalidUtf8) core::AppendUtf8(0xfffd, out);
  });
  out.push_back('"');
}

}  // namespace vecferry::convert
