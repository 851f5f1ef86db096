#include <optional>

#include "absl/strings/ascii.h"
#include "verifier/json_tokens.h"
#include "verifier/utf8_walk.h"

namespace vecferry::verifier {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// The four hexadecimal digits that `text` begins with.
std::optional<char32_t> FourHexDigits(absl::string_view text) {
  if (text.size() < 4) return std::nullopt;
  char32_t number = 0;
  for (std::size_t at = 0; at < 4; ++at) {
    if (!absl::ascii_isxdigit(text[at])) return std::nullopt;
    const char digit = absl::ascii_tolower(text[at]);
    number = number << 4 | static_cast<char32_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  }
  return number;
}

bool IsHighSurrogate(char32_t unit) { return unit >= 0xd800 && unit < 0xdc00; }
bool IsLowSurrogate(char32_t unit) { return unit >= 0xdc00 && unit < 0xe000; }

// What the letter after a backslash says; 0 for `u` and for letters that say nothing.
char Escaped(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
  }
}

char LetterOf(char control) {
  switch (control) {
    case '"':
    case '\\': return control;
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return '\0';
  }
}

bool IsOrdinary(char character) {
  return static_cast<unsigned char>(character) >= 0x20 && character != '"' && character != '\\';
}

}  // namespace

JsonToken JsonTokens::String(JsonToken::Kind kind) {
  JsonToken token{kind, at_++};
  token.plain = true;
  std::size_t run = at_;  // characters from here on stand in the text as they are
  decoded_.clear();
  const auto end_run = [&] {
    decoded_.append(json_.data() + run, at_ - run);
    token.plain = false;
  };
  while (true) {
    while (at_ < json_.size() && IsOrdinary(json_[at_]) && absl::ascii_isascii(json_[at_])) ++at_;
    if (at_ == json_.size() || static_cast<unsigned char>(json_[at_]) < 0x20) return Invalid();
    if (json_[at_] == '"') break;
    if (json_[at_] == '\\') {
      end_run();
      if (!Escape(token)) return Invalid();
      run = at_;
      continue;
    }
    const Utf8Step step = NextUtf8(json_.substr(at_));
    if (!step.valid) {
      end_run();
      token.invalid_utf8 = true;
      decoded_.append(kReplacement.data(), kReplacement.size());
      run = at_ + step.bytes;
    }
    at_ += step.bytes;
  }
  if (token.plain) {
    token.text = json_.substr(run, at_ - run);
  } else {
    decoded_.append(json_.data() + run, at_ - run);
    token.text = decoded_;
  }
  token.end = ++at_;
  return token;
}

// From a backslash on.
bool JsonTokens::Escape(JsonToken& token) {
  ++at_;
  const char letter = Peek();
  ++at_;
  if (letter != 'u') {
    decoded_.push_back(Escaped(letter));
    return decoded_.back() != '\0';
  }
  std::optional<char32_t> unit = FourHexDigits(json_.substr(std::min(at_, json_.size())));
  if (!unit) return false;
  at_ += 4;
  if (IsHighSurrogate(*unit) && json_.substr(at_, 2) == "\\u") {
    const std::optional<char32_t> low = FourHexDigits(json_.substr(at_ + 2));
    if (low && IsLowSurrogate(*low)) {
      unit = 0x10000 + ((*unit - 0xd800) << 10) + (*low - 0xdc00);
      at_ += 6;
    }
  }
  if (*unit == 0) {
    token.nul_escape = true;
  } else if (IsHighSurrogate(*unit) || IsLowSurrogate(*unit)) {
    token.lone_surrogate = true;
    decoded_.append(kReplacement.data(), kReplacement.size());
  } else {
    AppendUtf8(*unit, decoded_);
  }
  return true;
}

void AppendJsonString(absl::string_view text, std::string& out) {
  out.push_back('"');
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t run = at;
    while (at < text.size() && IsOrdinary(text[at])) ++at;
    out.append(text.data() + run, at - run);
    if (at == text.size()) break;
    out.push_back('\\');
    if (const char letter = LetterOf(text[at]); letter != '\0') {
      out.push_back(letter);
    } else {
      out.append("u00");
      out.push_back(kHexDigits[text[at] >> 4 & 0xf]);
      out.push_back(kHexDigits[text[at] & 0xf]);
    }
  }
  out.push_back('"');
}

}  // namespace vecferry::verifier
