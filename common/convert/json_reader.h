#ifndef VECFERRY_COMMON_CONVERT_JSON_READER_H_
#define VECFERRY_COMMON_CONVERT_JSON_READER_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

// Within common/convert only.
namespace vecferry::convert {

enum class JsonToken {
  kEnd,
  kError,
  kBeginObject,
  kEndObject,
  kBeginArray,
  kEndArray,
  kKey,
  kString,
  kNumber,
  kTrue,
  kFalse,
  kNull,
};

// Reads one JSON text (RFC 8259) token by token, and no more of it into memory: what is good stays as it was written.
// Takes what Postgres' json takes; strings may also hold invalid UTF-8, which odd() tells. Does not recurse, so depth
// costs a bit of memory and no stack. The text must outlive it.
class JsonReader {
 public:
  explicit JsonReader(absl::string_view text) : text_(text) {}

  // kEnd once the text's one value is complete and only white space followed; kError from the first fault on.
  JsonToken Next();
  // The token as written, a string with its quotes.
  absl::string_view raw() const { return text_.substr(begin_, at_ - begin_); }
  std::size_t begin() const { return begin_; }
  std::size_t end() const { return at_; }
  // Containers open after this token.
  std::size_t depth() const { return open_.size(); }
  // kKey, kString: holds \u0000, a lone surrogate or invalid UTF-8, which Postgres' text and jsonb cannot hold.
  bool odd() const { return odd_; }

 private:
  enum class Expected { kValue, kValueOrEnd, kKey, kKeyOrEnd, kColon, kCommaOrEnd, kNothing };

  void SkipSpace();
  JsonToken Fail();
  JsonToken ReadValue();
  JsonToken ReadKey();
  JsonToken ReadLiteral(absl::string_view word, JsonToken token);
  JsonToken OpenContainer(Expected next, JsonToken token);
  JsonToken CloseContainer();
  bool ScanString();
  bool ScanEscape();
  bool ScanNumber();
  bool ScanDigits();
  Expected AfterValue() const { return open_.empty() ? Expected::kNothing : Expected::kCommaOrEnd; }

  absl::string_view text_;
  std::size_t begin_ = 0, at_ = 0;
  std::string open_;  // '{' and '[' of the open containers
  Expected expected_ = Expected::kValue;
  bool odd_ = false;
};

}  // namespace vecferry::convert

#endif  // VECFERRY_COMMON_CONVERT_JSON_READER_H_
