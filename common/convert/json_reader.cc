#include "common/convert/json_reader.h"

#include "absl/strings/match.h"
#include "common/convert/json_string.h"
#include "common/core/utf8.h"

namespace vecferry::convert {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void JsonReader::SkipSpace() {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

JsonToken JsonReader::Fail() {
  begin_ = at_ = text_.size();
  expected_ = Expected::kValue;  // of which nothing is left: every later call fails too
  return JsonToken::kError;
}

JsonToken JsonReader::Next() {
  SkipSpace();
  if (expected_ == Expected::kNothing) return at_ == text_.size() ? JsonToken::kEnd : Fail();
  if (expected_ == Expected::kColon) {
    if (at_ == text_.size() || text_[at_] != ':') return Fail();
    ++at_;
    SkipSpace();
    expected_ = Expected::kValue;
  }
  if (expected_ == Expected::kCommaOrEnd && at_ < text_.size() && text_[at_] == ',') {
    ++at_;
    SkipSpace();
    expected_ = open_.back() == '{' ? Expected::kKey : Expected::kValue;
  }
  if (at_ == text_.size()) return Fail();
  begin_ = at_;
  switch (expected_) {
    case Expected::kCommaOrEnd: return CloseContainer();
    case Expected::kKeyOrEnd: return text_[at_] == '}' ? CloseContainer() : ReadKey();
    case Expected::kValueOrEnd: return text_[at_] == ']' ? CloseContainer() : ReadValue();
    case Expected::kKey: return ReadKey();
    default: return ReadValue();
  }
}

JsonToken JsonReader::ReadKey() {
  if (!ScanString()) return Fail();
  expected_ = Expected::kColon;
  return JsonToken::kKey;
}

JsonToken JsonReader::ReadValue() {
  switch (text_[at_]) {
    case '{': return OpenContainer(Expected::kKeyOrEnd, JsonToken::kBeginObject);
    case '[': return OpenContainer(Expected::kValueOrEnd, JsonToken::kBeginArray);
    case 't': return ReadLiteral("true", JsonToken::kTrue);
    case 'f': return ReadLiteral("false", JsonToken::kFalse);
    case 'n': return ReadLiteral("null", JsonToken::kNull);
    case '"':
      if (!ScanString()) return Fail();
      expected_ = AfterValue();
      return JsonToken::kString;
    default:
      if (!ScanNumber()) return Fail();
      expected_ = AfterValue();
      return JsonToken::kNumber;
  }
}

JsonToken JsonReader::ReadLiteral(absl::string_view word, JsonToken token) {
  if (!absl::StartsWith(text_.substr(at_), word)) return Fail();
  at_ += word.size();
  expected_ = AfterValue();
  return token;
}

JsonToken JsonReader::OpenContainer(Expected next, JsonToken token) {
  open_.push_back(text_[at_++]);
  expected_ = next;
  return token;
}

JsonToken JsonReader::CloseContainer() {
  const bool object = open_.back() == '{';
  if (text_[at_] != (object ? '}' : ']')) return Fail();
  open_.pop_back();
  ++at_;
  expected_ = AfterValue();
  return object ? JsonToken::kEndObject : JsonToken::kEndArray;
}

bool JsonReader::ScanString() {
  odd_ = false;
  if (text_[at_] != '"') return false;
  for (++at_; at_ < text_.size();) {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c < 0x20) return false;
    if (c == '\\') {
      if (!ScanEscape()) return false;
      continue;
    }
    ++at_;
    if (c != '"') continue;
    odd_ = odd_ || core::ValidUtf8Prefix(raw()) != raw().size();
    return true;
  }
  return false;
}

bool JsonReader::ScanEscape() {
  const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  at_ += 2;
  if (c != 'u') return c != '\0' && absl::string_view("\"\\/bfnrt").find(c) != absl::string_view::npos;
  const int unit = ReadHex4(text_.substr(at_));
  if (unit < 0) return false;
  at_ += 4;
  if (unit == 0 || IsLowSurrogate(unit)) odd_ = true;
  if (IsHighSurrogate(unit)) {
    if (ReadLowSurrogate(text_.substr(at_)) < 0)
      odd_ = true;
    else
      at_ += 6;
  }
  return true;
}

bool JsonReader::ScanDigits() {
  const std::size_t before = at_;
  while (at_ < text_.size() && IsDigit(text_[at_])) ++at_;
  return at_ > before;
}

bool JsonReader::ScanNumber() {
  const auto next_is = [this](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (next_is('-')) ++at_;
  if (next_is('0'))
    ++at_;
  else if (!ScanDigits())
    return false;
  if (next_is('.')) {
    ++at_;
    if (!ScanDigits()) return false;
  }
  if (next_is('e') || next_is('E')) {
    ++at_;
    if (next_is('+') || next_is('-')) ++at_;
    if (!ScanDigits()) return false;
  }
  return true;
}

}  // namespace vecferry::convert
