#include "common/core/utf8.h"

#include <cstring>

#include "absl/strings/str_format.h"

namespace vecferry::core {
namespace {

// What a lead byte promises: the character's bytes, and the range of its second byte (RFC 3629, section 4).
struct Lead {
  int length = 0;  // 0 = no character begins so
  unsigned char second_min = 0x80, second_max = 0xbf;
};

Lead LeadOf(unsigned char byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xc2) return {0};
  if (byte < 0xe0) return {2};
  if (byte == 0xe0) return {3, 0xa0, 0xbf};
  if (byte == 0xed) return {3, 0x80, 0x9f};
  if (byte < 0xf0) return {3};
  if (byte == 0xf0) return {4, 0x90, 0xbf};
  if (byte < 0xf4) return {4};
  if (byte == 0xf4) return {4, 0x80, 0x8f};
  return {0};
}

// Bytes at the start of `text` that fit into one character: the whole of it when that equals its length.
int FittingBytes(absl::string_view text, const Lead& lead) {
  int fitting = 1;
  while (fitting < lead.length && static_cast<std::size_t>(fitting) < text.size()) {
    const auto byte = static_cast<unsigned char>(text[fitting]);
    const unsigned char least = fitting == 1 ? lead.second_min : 0x80;
    const unsigned char most = fitting == 1 ? lead.second_max : 0xbf;
    if (byte < least || byte > most) break;
    ++fitting;
  }
  return fitting;
}

}  // namespace

std::size_t ValidUtf8Prefix(absl::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    // Eight bytes at a time while they are ASCII, which most text is.
    std::uint64_t word;
    while (at + sizeof(word) <= text.size()) {
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080u) != 0) break;
      at += sizeof(word);
    }
    if (at == text.size()) break;
    const Lead lead = LeadOf(static_cast<unsigned char>(text[at]));
    if (lead.length == 0 || FittingBytes(text.substr(at), lead) != lead.length) return at;
    at += lead.length;
  }
  return at;
}

std::size_t InvalidUtf8Length(absl::string_view text) {
  const Lead lead = LeadOf(static_cast<unsigned char>(text[0]));
  return lead.length == 0 ? 1 : FittingBytes(text, lead);
}

void AppendUtf8(std::uint32_t code_point, std::string& out) {
  const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | ((code_point >> shift) & 0x3f))); };
  if (code_point < 0x80) {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (code_point >> 6)));
    tail(0);
  } else if (code_point < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (code_point >> 12)));
    tail(6), tail(0);
  } else {
    out.push_back(static_cast<char>(0xf0 | (code_point >> 18)));
    tail(12), tail(6), tail(0);
  }
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", c);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace vecferry::core
