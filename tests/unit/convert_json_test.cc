#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/convert/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/hex.h"

namespace vecferry::convert {
namespace {

using testing::operator""_hex;
using core::ValueView;
using std::string_literals::operator""s;
using ::testing::ElementsAre;

// What ToJsonb appended after its version byte, behind the kind of a repair; or why it appended nothing.
std::string Jsonb(const ValueView& value) {
  std::string out;
  const Outcome outcome = ToJsonb(value, out);
  if (outcome.fidelity == Fidelity::kUnfit) {
    EXPECT_EQ(out, "");
    return absl::StrCat("unfit ", std::string(outcome.kind));
  }
  EXPECT_EQ(out.at(0), '\x01');
  const std::string text = out.substr(1);
  return outcome.fidelity == Fidelity::kExact ? text : absl::StrCat(std::string(outcome.kind), " ", text);
}

std::string Jsonb(const std::string& text) { return Jsonb(ValueView::Text(text)); }

TEST(ToJsonbTest, GoodJsonStaysAsItWasWritten) {
  for (const std::string text :
       {"{}", "[]", " \t\r\n[ 1 , -0.50E+3 , {\"a\" : [ ] } ]\n", "null", "true", "false", "\"\"", "0", "-0", "1e5",
        R"({"b":1,"a":{"b":2}})", R"("\"\\\/\b\f\n\r\tA\ud83d\udea2")", "\"f\xc3\xa4hre \xf0\x9f\x9a\xa2\x7f\"",
        R"([[],[[]],{"":{}}])", "12345678901234567890.123456789012345678901234567890"}) {
    EXPECT_EQ(Jsonb(text), text);
  }
}

TEST(ToJsonbTest, LeavesWhatIsNoJson) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulll",
                           "True",
                           "NaN",
                           "Infinity",
                           "'a'",
                           "{",
                           "}",
                           "[",
                           "]",
                           "[1",
                           "[1,",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{1:2}",
                           "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}",
                           "[}",
                           "{]",
                           "\"",
                           "\"a",
                           "\"\\\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"a\nb\"",
                           "\"\\",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "1e+",
                           "-",
                           "--1",
                           "0x1",
                           "1 1",
                           "[] []",
                           "{\"a\":1}}",
                           "\xef\xbb\xbf{}",
                           "[1]//",
                           "\xff",
                           "[\xff]",
                           ":",
                           ",",
                           "{\"a\"::1}",
                           "[1,,2]"}) {
    EXPECT_EQ(Jsonb(std::string(text)), "unfit invalid_json") << text;
  }
  EXPECT_EQ(Jsonb(ValueView::Blob("{}")), "unfit wrong_type");
}

TEST(ToJsonbTest, NumbersAreJson) {
  EXPECT_EQ(Jsonb(ValueView::Integer(-5)), "-5");
  EXPECT_EQ(Jsonb(ValueView::Real(0.5)), "0.5");
  EXPECT_EQ(Jsonb(ValueView::Real(1e300)), "1.0e+300");
  EXPECT_EQ(Jsonb(ValueView::Real(HUGE_VAL)), "unfit wrong_type");
}

TEST(ToJsonbTest, ChangesOnlyWhatJsonbCannotHold) {
  EXPECT_EQ(Jsonb(R"({ "a\u0000b" : "\u0000" , "c" : "A" })"), R"(json_not_jsonb { "ab" : "" , "c" : "A" })");
  EXPECT_EQ(Jsonb(R"(["\ud800","\udc00x","\ud800\ud800\udc00","\ud800A"])"),
            R"(json_not_jsonb ["\ufffd","\ufffdx","\ufffd\ud800\udc00","\ufffdA"])");
  EXPECT_EQ(Jsonb("[1e131071, 1e131072 ,-1e-16384,0e-20000,0e2000000000]"),
            R"(json_not_jsonb [1e131071, "1e131072" ,"-1e-16384","0e-20000","0e2000000000"])");
  EXPECT_EQ(Jsonb("[\"a\xff\xc3\", 1]"), "invalid_utf8 [\"a\xef\xbf\xbd\xef\xbf\xbd\", 1]");
  EXPECT_EQ(Jsonb("{\"a\":\"b\0\"}\0"s), "nul_in_text {\"a\":\"b\"}");
}

TEST(ToJsonbTest, LongNumbersAreJudgedByTheirDigits) {
  const std::string whole(131'072, '7'), fraction = "0." + std::string(16'383, '7');
  EXPECT_EQ(Jsonb(whole), whole);
  EXPECT_EQ(Jsonb(fraction), fraction);
  EXPECT_EQ(Jsonb(whole + "7"), absl::StrCat("json_not_jsonb \"", whole, "7\""));
  EXPECT_EQ(Jsonb(fraction + "7"), absl::StrCat("json_not_jsonb \"", fraction, "7\""));
}

TEST(ToJsonbTest, NamesKeysSaidTwice) {
  const std::string twice = R"({"a":1,"b":{"a":1},"a":2})";
  EXPECT_EQ(Jsonb(twice), "duplicate_json_key " + twice);
  const std::string escaped = "{\"a\":1,\"\\u0061\":2}";
  EXPECT_EQ(Jsonb(escaped), "duplicate_json_key " + escaped);
  const std::string apart = R"([{"a":1},{"a":{"a":[{"a":1}]}}])";
  EXPECT_EQ(Jsonb(apart), apart);
}

TEST(ToJsonbTest, DepthIsBounded) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(Jsonb(nested(10'000)), nested(10'000));
  EXPECT_EQ(Jsonb(nested(10'001)), "unfit json_too_deep");
  EXPECT_EQ(Jsonb(nested(1'000'000)), "unfit json_too_deep") << "reading it takes no stack";
}

std::string Array(const std::string& text, std::size_t element_bytes_max = 0,
                  std::vector<std::string>* moved = nullptr) {
  std::string out = "before";
  const Outcome outcome = ToTextArray(ValueView::Text(text), element_bytes_max, out, moved);
  EXPECT_EQ(out.substr(0, 6), "before");
  const std::string hex = absl::BytesToHexString(out.substr(6));
  if (outcome.fidelity == Fidelity::kUnfit) {
    EXPECT_EQ(hex, "") << "an unfit value leaves nothing";
  }
  return outcome.fidelity == Fidelity::kExact ? hex : absl::StrCat(std::string(outcome.kind), " ", hex);
}

TEST(ToTextArrayTest, EncodesAsDocumented) {
  //                     dimensions  has NULLs  element type  size       lower bound
  EXPECT_EQ(Array("[]"), "00000000 00000000 00000019"_hex);
  EXPECT_EQ(Array(R"(["a","ä"])"), "00000001 00000000 00000019 00000002 00000001 00000001 61 00000002 c3a4"_hex);
  EXPECT_EQ(Array(R"( [ null , "" ] )"), "00000001 00000001 00000019 00000002 00000001 ffffffff 00000000"_hex);
}

// The header of a text[] of one element.
std::string One() { return "00000001 00000000 00000019 00000001 00000001"_hex; }

TEST(ToTextArrayTest, RepairsElements) {
  EXPECT_EQ(Array(R"(["a\u0000"])"), absl::StrCat("nul_in_text ", One(), "00000001 61"_hex));
  EXPECT_EQ(Array("[\"a\0\"]"s), absl::StrCat("nul_in_text ", One(), "00000001 61"_hex));
  EXPECT_EQ(Array(R"(["\udc00"])"), absl::StrCat("nul_in_text ", One(), "00000003 efbfbd"_hex));
  EXPECT_EQ(Array("[\"\xff\"]"), absl::StrCat("invalid_utf8 ", One(), "00000003 efbfbd"_hex));
  EXPECT_EQ(Array("[1.50]"), absl::StrCat("element_not_text ", One(), "00000004 312e3530"_hex));
  EXPECT_EQ(Array("[{ \"]\":[2] }]"),
            absl::StrCat("element_not_text ", One(), "0000000b", absl::BytesToHexString("{ \"]\":[2] }")));
}

TEST(ToTextArrayTest, MovesLongElements) {
  std::vector<std::string> moved;
  EXPECT_EQ(Array(R"(["abc","a","\u0061bcd"])", 2, &moved),
            absl::StrCat("element_too_long ", One(), "00000001 61"_hex));
  EXPECT_THAT(moved, ElementsAre("abc", "abcd"));
}

TEST(ToTextArrayTest, LeavesWhatIsNoArray) {
  for (const char* text : {"", "[", "[\"a\"", "[\"a\",]", "[]x", "{a,b}", "[\"a\"] 1"}) {
    EXPECT_EQ(Array(text), "invalid_json ") << text;
  }
  for (const char* text : {"{}", "null", "\"a\"", "1", "{\"a\":[1]}"}) EXPECT_EQ(Array(text), "not_an_array ") << text;
  std::string out;
  EXPECT_EQ(ToTextArray(ValueView::Integer(1), 0, out, nullptr).kind, "wrong_type");
}

std::string Uuids(const std::string& text) {
  std::string out;
  const Outcome outcome = ToUuidArray(ValueView::Text(text), out);
  const std::string hex = absl::BytesToHexString(out);
  return outcome.fidelity == Fidelity::kExact ? hex : absl::StrCat(std::string(outcome.kind), " ", hex);
}

TEST(ToUuidArrayTest, EncodesAsDocumented) {
  const std::string one = "00000001 00000000 00000b86 00000001 00000001 00000010 0123456789abcdef0123456789abcdef"_hex;
  EXPECT_EQ(Uuids(R"(["01234567-89ab-cdef-0123-456789abcdef"])"), one);
  EXPECT_EQ(Uuids(R"(["01234567-89AB-cdef-0123-456789abcdef"])"), "uuid_spelling " + one);
  EXPECT_EQ(Uuids(R"(["mem-1"])"), "not_uuid ");
  EXPECT_EQ(Uuids("[5]"), "not_uuid ");
  EXPECT_EQ(Uuids("[]"), "00000000 00000000 00000b86"_hex);
}

}  // namespace
}  // namespace vecferry::convert
