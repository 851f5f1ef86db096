#include "tests/support/random_texts.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vecferry::testing {
namespace {

constexpr absl::string_view kDigits = "0123456789", kHexDigits = "0123456789abcdefABCDEF";

std::uint64_t ChooseSeed() {
  std::uint64_t seed = 0;
  const char* asked = std::getenv("VECFERRY_TEST_SEED");
  if (asked == nullptr || !absl::SimpleAtoi(asked, &seed)) seed = std::random_device{}();
  std::cerr << "VECFERRY_TEST_SEED=" << seed << "\n";
  return seed;
}

}  // namespace

RandomTexts::RandomTexts() : random_(ChooseSeed()) {}

std::string RandomTexts::Letters(absl::string_view alphabet, std::uint64_t size_max) {
  std::string text(Below(size_max + 1), ' ');
  for (char& c : text) c = alphabet[Below(alphabet.size())];
  return text;
}

std::string RandomTexts::Mutate(std::string text, absl::string_view alphabet) {
  if (Below(3) != 0) return text;
  const std::size_t at = Below(text.size() + 1);
  const std::uint64_t how = Below(3);
  if (how > 0 && at < text.size()) text.erase(at, 1);
  if (how < 2) text.insert(at, 1, alphabet[Below(alphabet.size())]);
  return text;
}

std::string RandomTexts::Boolean() {
  std::string word = Pick({"true", "false", "yes", "no", "on", "off", "1", "0", "TRUE", "Off", "oN"});
  if (Below(3) == 0) word.resize(Below(word.size() + 1));
  return Mutate(word, "tfynoeTF01 \n");
}

std::string RandomTexts::Integer() {
  std::string text = Below(4) == 0 ? absl::StrCat(static_cast<std::int64_t>(Bits()) >> Below(64))
                                   : absl::StrCat(Pick({"", "-", "+", " "}), Letters(kDigits, 20));
  return Mutate(text, "0123456789+-. \te");
}

std::string RandomTexts::Number(std::uint64_t digits_max) {
  std::string text = absl::StrCat(Pick({"", "-", "+", " "}), Letters(kDigits, digits_max));
  if (Below(2) == 0) absl::StrAppend(&text, ".", Letters(kDigits, digits_max));
  if (Below(3) == 0) absl::StrAppend(&text, Pick({"e", "E", "e-", "e+"}), Below(30));
  // No space within: Postgres' numeric takes one after the e, which is an accident of strtol.
  return Mutate(text, "0123456789.eE+-");
}

std::string RandomTexts::Utf8() {
  std::string text;
  for (std::uint64_t left = Below(12); left > 0; --left) {
    text += Pick({"a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x9a\xa2", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "plain"});
    if (Below(30) == 0) text.push_back(static_cast<char>(Bits()));
    if (Below(60) == 0) text += Pick({"\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "\xe0\x9f\xbf", "\xf8\x88\x80"});
  }
  return text;
}

std::string RandomTexts::Uuid() {
  std::string text;
  const bool canonical = Below(3) == 0;
  for (int i = 0; i < 32; ++i) {
    if (i > 0 && i % 4 == 0 && (canonical ? i >= 8 && i <= 20 : Below(2) == 0)) text += "-";
    text.push_back(kHexDigits[Below(canonical ? 16 : kHexDigits.size())]);
  }
  if (!canonical && Below(3) == 0) text = absl::StrCat("{", text, "}");
  return Mutate(text, "0aF-{}g ");
}

std::string RandomTexts::Time() {
  const auto two = [this](std::uint64_t first, std::uint64_t end) {
    return absl::StrCat(absl::Dec(first + Below(end - first), absl::kZeroPad2));
  };
  std::string text = absl::StrCat(absl::Dec(1 + Below(9999), absl::kZeroPad4), "-", two(1, 13), "-", two(1, 32));
  if (Below(8) == 0) return text;
  absl::StrAppend(&text, Pick({"T", " "}), two(0, 24), ":", two(0, 60), ":", two(0, Below(20) == 0 ? 61 : 60));
  // Never a tie in the last place: Postgres rounds through a double, which may fall to either side.
  if (Below(2) == 0) absl::StrAppend(&text, ".", Letters(kDigits, 8), Pick({"1", "2", "3", "4", "6", "7", "8", "9"}));
  if (Below(3) != 0)
    absl::StrAppend(&text, Pick({"+", "-"}), two(0, 15), Pick({":", ""}), two(0, 60));
  else if (Below(2) == 0)
    text += "Z";
  return text;
}

std::string RandomTexts::JsonString() {
  std::string text = "\"";
  for (std::uint64_t left = Below(6); left > 0; --left) {
    text += Pick({"a", "b", "\\n", "\\\"", "\\\\", "\\u0041", "\\ud83d\\udea2", "\xc3\xa4", " ", "{", "\\u00e4"});
    if (Below(100) == 0) text += Pick({"\\u0000", "\\ud800", "\\udc00", "\\x", "\n"});
  }
  return text + "\"";
}

std::string RandomTexts::Json(int depth) {
  switch (Below(depth > 0 ? 10 : 5)) {
    case 0: return JsonString();
    case 1: return absl::StrCat(Pick({"", "-"}), Below(1000), Pick({"", ".5", ".250", "e3", "E-2", "e+20"}));
    case 2: return Pick({"true", "false", "null"});
    case 3: return Pick({"{}", "[]", " 1 ", "-0.0", "1e-7", "0.10e2", "10e131071", "1e-16384", "0e-20000"});
    case 4: return absl::StrCat(Below(100));
    default: break;
  }
  const bool object = Below(2) == 0;
  std::vector<std::string> members;
  for (std::uint64_t left = Below(5); left > 0; --left) {
    members.push_back(absl::StrCat(object ? JsonString() + ": " : "", Json(depth - 1)));
  }
  return absl::StrCat(object ? "{" : "[", absl::StrJoin(members, Pick({",", " , "})), object ? "}" : "]");
}

std::string RandomTexts::JsonStrings(bool uuids) {
  std::vector<std::string> members;
  for (std::uint64_t left = Below(5); left > 0; --left) {
    std::string text = uuids ? absl::StrCat("\"", Uuid(), "\"") : JsonString();
    members.push_back(Below(10) == 0 ? "null" : text);
  }
  return absl::StrCat("[", absl::StrJoin(members, ", "), "]");
}

std::vector<float> RandomTexts::Floats(std::uint64_t size) {
  std::vector<float> floats(size);
  for (float& number : floats) {
    number = static_cast<float>(Below(2'000'001)) / 1e6f - 1;
    if (Below(4) == 0) number = std::bit_cast<float>(static_cast<std::uint32_t>(Bits()));
    if (!std::isfinite(number)) number = -0.0f;
  }
  return floats;
}

}  // namespace vecferry::testing
