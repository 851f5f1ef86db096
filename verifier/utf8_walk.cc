#include "verifier/utf8_walk.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace vecferry::verifier {
namespace {

// How many leading bytes are ASCII without NUL: eight at a time, so that up to seven at the end may be more of them.
std::size_t PlainPrefix(absl::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
  for (std::size_t at = 0;; at += 8) {
    if (at + 8 > text.size()) return at;
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, 8);
    // A byte from 1 to 127 has no top bit, neither itself nor less 1. The first byte that has one is no such byte;
    // after it a borrow may make some.
    const std::uint64_t odd = (word | (word - kOnes)) & kTops;
    if (odd != 0) return at + static_cast<std::size_t>(std::countr_zero(odd)) / 8;
  }
}

static_assert(std::endian::native == std::endian::little, "a word's first byte is its lowest");

struct Lead {
  unsigned char following;               // bytes
  unsigned char second_min, second_max;  // what the second byte may be; those after it 0x80 to 0xbf
};

// Unicode, table 3-7. No overlong forms, no surrogates, nothing beyond U+10FFFF.
constexpr Lead LeadOf(unsigned char byte) {
  if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};
  if (byte == 0xed) return {2, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {2, 0x80, 0xbf};
  if (byte == 0xf0) return {3, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {3, 0x80, 0xbf};
  if (byte == 0xf4) return {3, 0x80, 0x8f};
  return {0, 0, 0};
}

constexpr std::array<Lead, 256> kLeads = [] {
  std::array<Lead, 256> leads = {};
  for (std::size_t byte = 0; byte < leads.size(); ++byte) leads[byte] = LeadOf(static_cast<unsigned char>(byte));
  return leads;
}();

}  // namespace

Utf8Step NextUtf8(absl::string_view rest) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(rest[at]); };
  if (byte(0) < 0x80) return {1, true};
  const Lead& lead = kLeads[byte(0)];
  if (lead.following == 0) return {1, false};
  for (std::size_t at = 1; at <= lead.following; ++at) {
    const unsigned char least = at == 1 ? lead.second_min : 0x80, most = at == 1 ? lead.second_max : 0xbf;
    if (at == rest.size() || byte(at) < least || byte(at) > most) return {at, false};
  }
  return {lead.following + std::size_t{1}, true};
}

bool IsCleanText(absl::string_view text) {
  while (true) {
    text.remove_prefix(PlainPrefix(text));
    if (text.empty()) return true;
    if (text[0] == '\0') return false;
    const Utf8Step step = NextUtf8(text);
    if (!step.valid) return false;
    text.remove_prefix(step.bytes);
  }
}

TextFaults AppendCleaned(absl::string_view text, std::string& out) {
  TextFaults faults;
  while (!text.empty()) {
    const Utf8Step step = NextUtf8(text);
    if (!step.valid) {
      faults.invalid_utf8 = true;
      out.append(kReplacement.data(), kReplacement.size());
    } else if (text[0] == '\0') {
      faults.nul = true;
    } else {
      out.append(text.data(), step.bytes);
    }
    text.remove_prefix(step.bytes);
  }
  return faults;
}

void AppendUtf8(char32_t character, std::string& out) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (character < 0x80) return put(character);
  if (character < 0x800) {
    put(0xc0 | character >> 6);
  } else if (character < 0x10000) {
    put(0xe0 | character >> 12);
    put(0x80 | (character >> 6 & 0x3f));
  } else {
    put(0xf0 | character >> 18);
    put(0x80 | (character >> 12 & 0x3f));
    put(0x80 | (character >> 6 & 0x3f));
  }
  put(0x80 | (character & 0x3f));
}

}  // namespace vecferry::verifier
