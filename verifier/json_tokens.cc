#include "verifier/json_tokens.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace vecferry::verifier {

using Kind = JsonToken::Kind;

void JsonTokens::SkipSpace() {
  while (at_ < json_.size() && (json_[at_] == ' ' || json_[at_] == '\n' || json_[at_] == '\r' || json_[at_] == '\t')) {
    ++at_;
  }
}

JsonToken JsonTokens::Next() {
  SkipSpace();
  if (expected_ == Expected::kNothing) return at_ == json_.size() ? JsonToken{Kind::kEnd, at_, at_} : Invalid();
  if (at_ == json_.size()) return Invalid();
  const bool in_object = !containers_.empty() && containers_.back() == '{';
  if (expected_ == Expected::kCommaOrEnd) {
    if (json_[at_] != ',') return End();
    ++at_;
    SkipSpace();
    expected_ = in_object ? Expected::kKey : Expected::kValue;
  }
  switch (expected_) {
    case Expected::kKeyOrEnd:
      if (Peek() == '}') return End();
      return Key();
    case Expected::kKey: return Key();
    case Expected::kValueOrEnd:
      if (Peek() == ']') return End();
      return Value();
    default: return Value();
  }
}

JsonToken JsonTokens::Begin(Kind kind, char container, Expected expected) {
  containers_.push_back(container);
  expected_ = expected;
  ++at_;
  return {kind, at_ - 1, at_};
}

JsonToken JsonTokens::End() {
  const bool object = containers_.back() == '{';
  if (json_[at_] != (object ? '}' : ']')) return Invalid();
  containers_.pop_back();
  AfterValue();
  ++at_;
  return {object ? Kind::kEndObject : Kind::kEndArray, at_ - 1, at_};
}

JsonToken JsonTokens::Key() {
  if (Peek() != '"') return Invalid();
  const JsonToken key = String(Kind::kKey);
  if (key.kind != Kind::kKey) return key;
  SkipSpace();
  if (Peek() != ':') return Invalid();
  ++at_;
  expected_ = Expected::kValue;
  return key;
}

JsonToken JsonTokens::Value() {
  switch (Peek()) {
    case '{': return Begin(Kind::kBeginObject, '{', Expected::kKeyOrEnd);
    case '[': return Begin(Kind::kBeginArray, '[', Expected::kValueOrEnd);
    case '"': AfterValue(); return String(Kind::kString);
    case 't': return Word("true", Kind::kTrue);
    case 'f': return Word("false", Kind::kFalse);
    case 'n': return Word("null", Kind::kNull);
    default: return Number();
  }
}

JsonToken JsonTokens::Word(absl::string_view word, Kind kind) {
  if (!absl::StartsWith(json_.substr(at_), word)) return Invalid();
  AfterValue();
  at_ += word.size();
  return {kind, at_ - word.size(), at_};
}

// -? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)?
JsonToken JsonTokens::Number() {
  const std::size_t begin = at_;
  const auto digits = [&] {
    const std::size_t from = at_;
    while (absl::ascii_isdigit(Peek())) ++at_;
    return at_ - from;
  };
  if (Peek() == '-') ++at_;
  // After a leading 0 no digit belongs to the number.
  if (Peek() == '0') {
    ++at_;
  } else if (digits() == 0) {
    return Invalid();
  }
  if (Peek() == '.') {
    ++at_;
    if (digits() == 0) return Invalid();
  }
  if (Peek() == 'e' || Peek() == 'E') {
    ++at_;
    if (Peek() == '-' || Peek() == '+') ++at_;
    if (digits() == 0) return Invalid();
  }
  AfterValue();
  return {Kind::kNumber, begin, at_, json_.substr(begin, at_ - begin)};
}

}  // namespace vecferry::verifier
