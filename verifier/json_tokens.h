#ifndef VECFERRY_VERIFIER_JSON_TOKENS_H_
#define VECFERRY_VERIFIER_JSON_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::verifier {

struct JsonToken {
  enum class Kind : std::uint8_t {
    kBeginObject,
    kEndObject,
    kBeginArray,
    kEndArray,
    kKey,  // its colon is read too
    kString,
    kNumber,
    kTrue,
    kFalse,
    kNull,
    kEnd,      // the text was one JSON value
    kInvalid,  // it is none
  };
  Kind kind = Kind::kInvalid;
  std::size_t begin = 0, end = 0;  // where it stands in the text
  absl::string_view text;          // a number as written; a string's characters. Until the next Next()
  bool plain = false;              // of strings: `text` stands in the source as it is, and needs no escapes
  // Of strings: what is repaired in `text`.
  bool nul_escape = false;      // left out
  bool lone_surrogate = false;  // U+FFFD
  bool invalid_utf8 = false;    // U+FFFD for each maximal part
};

// Reads JSON (RFC 8259) token by token, without recursion. Not thread-safe.
class JsonTokens {
 public:
  // `json` must outlive this.
  explicit JsonTokens(absl::string_view json) : json_(json) {}

  // Not to be called again after kEnd and kInvalid.
  JsonToken Next();
  // Containers that are open.
  std::size_t level() const { return containers_.size(); }

 private:
  enum class Expected { kValue, kValueOrEnd, kKey, kKeyOrEnd, kCommaOrEnd, kNothing };

  void SkipSpace();
  JsonToken Invalid() const { return {JsonToken::Kind::kInvalid, at_, at_}; }
  JsonToken Begin(JsonToken::Kind kind, char container, Expected expected);
  JsonToken End();
  JsonToken Value();
  JsonToken Key();
  JsonToken String(JsonToken::Kind kind);
  bool Escape(JsonToken& token);
  JsonToken Number();
  JsonToken Word(absl::string_view word, JsonToken::Kind kind);
  void AfterValue() { expected_ = containers_.empty() ? Expected::kNothing : Expected::kCommaOrEnd; }
  char Peek() const { return at_ < json_.size() ? json_[at_] : '\0'; }

  absl::string_view json_;
  std::size_t at_ = 0;
  Expected expected_ = Expected::kValue;
  std::string containers_;  // '{' and '[', the innermost last
  std::string decoded_;     // of the last string, where it is not plain
};

// Appends `text` between quotes, with the shortest escapes.
void AppendJsonString(absl::string_view text, std::string& out);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_JSON_TOKENS_H_
