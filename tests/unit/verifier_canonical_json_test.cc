#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/hex.h"
#include "tests/support/reading.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using core::ValueView;
using testing::Read;
using testing::operator""_hex;

std::string Jsonb(absl::string_view json) { return Read({PgKind::kJsonb}, ValueView::Text(json)); }
std::string Texts(absl::string_view json) { return Read({PgKind::kTextArray}, ValueView::Text(json)); }
std::string Uuids(absl::string_view json) { return Read({PgKind::kUuidArray}, ValueView::Text(json)); }

TEST(ReadJsonbTest, WritesOneFormOfEqualValues) {
  EXPECT_EQ(Jsonb(" { \"b\" : [ 1 , true , null ] ,\t\"a\":{}\r\n} "), "{\"a\":{},\"b\":[1,true,null]}");
  EXPECT_EQ(Jsonb("\"\\u0041\\/\\\"\\\\\\b\\f\\n\\r\\t\\u001F\\u007f\""), "\"A/\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f\"");
  EXPECT_EQ(Jsonb("\"\\ud83d\\uDE00 \\u00e9\\u20AC\""), "\"\xF0\x9F\x98\x80 \xC3\xA9\xE2\x82\xAC\"");
  EXPECT_EQ(Jsonb("[[],{},[[]]]"), "[[],{},[[]]]");
  EXPECT_EQ(Jsonb("false"), "false");
  EXPECT_EQ(Read({PgKind::kJsonb}, ValueView::Integer(-5)), "-5");
  EXPECT_EQ(Read({PgKind::kJsonb}, ValueView::Real(0.25)), "0.25");
  EXPECT_EQ(Read({PgKind::kJsonb}, ValueView::Real(5)), "5.0");
  EXPECT_EQ(Read({PgKind::kJsonb}, ValueView::Real(1e20)), "100000000000000000000");
  EXPECT_EQ(Read({PgKind::kJsonb}, ValueView::Real(-INFINITY)), "unfit wrong_type");
  EXPECT_EQ(Read({PgKind::kJsonb}, ValueView::Blob("{}")), "unfit wrong_type");
}

TEST(ReadJsonbTest, WritesNumbersAsNumericDoes) {
  EXPECT_EQ(Jsonb("[1.50,1e2,1e-2,1.5e1,-0,-0.0,1E+2,12345678901234567890123,0.10e1,-1.0]"),
            "[1.50,100,0.01,15,0,0.0,100,12345678901234567890123,1.0,-1.0]");
  EXPECT_EQ(Jsonb("1e200000"), "json_not_jsonb: \"1e200000\"");
  EXPECT_EQ(Jsonb("[0e-16384]"), "json_not_jsonb: [\"0e-16384\"]");
}

TEST(ReadJsonbTest, PutsKeysInOrderAtEveryLevel) {
  EXPECT_EQ(Jsonb("{\"b\":{\"z\":1,\"y\":[{\"2\":0,\"1\":0},7]},\"aa\":2,\"a\":{\"d\":{\"f\":1,\"e\":2},\"c\":3}}"),
            "{\"a\":{\"c\":3,\"d\":{\"e\":2,\"f\":1}},\"aa\":2,\"b\":{\"y\":[{\"1\":0,\"2\":0},7],\"z\":1}}");
  EXPECT_EQ(Jsonb("[{\"b\":1,\"a\":2},{\"a\":1,\"b\":2},{\"d\":1,\"c\":2}]"),
            "[{\"a\":2,\"b\":1},{\"a\":1,\"b\":2},{\"c\":2,\"d\":1}]");
}

TEST(ReadJsonbTest, KeepsTheLastOfEqualKeys) {
  EXPECT_EQ(Jsonb("{\"a\":{\"y\":1,\"x\":2},\"b\":0,\"a\":[1]}"), "duplicate_json_key: {\"a\":[1],\"b\":0}");
  EXPECT_EQ(Jsonb("{\"a\":1,\"\\u0061\":2,\"a\":3}"), "duplicate_json_key: {\"a\":3}");
  EXPECT_EQ(Jsonb("[{\"a\":1},{\"a\":2}]"), "[{\"a\":1},{\"a\":2}]");
}

TEST(ReadJsonbTest, RepairsWhatJsonbCannotHold) {
  EXPECT_EQ(Jsonb("\"a\\u0000b\""), "json_not_jsonb: \"ab\"");
  EXPECT_EQ(Jsonb("\"\\ud83dx\\ude00\""), "json_not_jsonb: \"\xEF\xBF\xBDx\xEF\xBF\xBD\"");
  EXPECT_EQ(Jsonb("\"\\ud83d\\ud83d\\ude00\""), "json_not_jsonb: \"\xEF\xBF\xBD\xF0\x9F\x98\x80\"");
  EXPECT_EQ(Jsonb("\"\\ud83d\\u0000\\ude00\""), "json_not_jsonb: \"\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(Jsonb("\"\xE2\x82\""), "invalid_utf8: \"\xEF\xBF\xBD\"");
  EXPECT_EQ(Jsonb(absl::string_view("{\"a\0\":\0 1}", 10)), "nul_in_text: {\"a\":1}");
}

TEST(ReadJsonbTest, NamesTheFirstOfSeveralRepairs) {
  EXPECT_EQ(Jsonb("{\"a\":1,\"a\":\"\\u0000\"}"), "json_not_jsonb: {\"a\":\"\"}");
  EXPECT_EQ(Jsonb("{\"a\":1,\"a\":\"\\u0000\xff\"}"), "invalid_utf8: {\"a\":\"\xEF\xBF\xBD\"}");
  EXPECT_EQ(Jsonb(absl::string_view("[\"\0\\u0000\xff\"]", 12)), "nul_in_text: [\"\xEF\xBF\xBD\"]");
  // Keys that become the same are the same.
  EXPECT_EQ(Jsonb("{\"a\":1,\"a\\u0000\":2}"), "json_not_jsonb: {\"a\":2}");
}

TEST(ReadJsonbTest, RefusesWhatIsNoJson) {
  for (const char* json : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "[1 2]",
                           "01",
                           "-",
                           "1.",
                           ".5",
                           "1e",
                           "+1",
                           "nul",
                           "nullx",
                           "'a'",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\u12g4\"",
                           "\"a\nb\"",
                           "[1]]",
                           "]",
                           "}",
                           "{]",
                           "[}",
                           "{\"a\":}",
                           "\xef\xbb\xbf{}",
                           "\xff",
                           "NaN",
                           "\"\\",
                           "\"\\ud83d\\u12"}) {
    EXPECT_EQ(Jsonb(json), "unfit invalid_json") << json;
  }
}

TEST(ReadJsonbTest, ReadsTenThousandLevels) {
  const std::string open(10'000, '['), close(10'000, ']');
  EXPECT_EQ(Jsonb(open + close), open + close);
  EXPECT_EQ(Jsonb("[" + open + close + "]"), "unfit json_too_deep");
  EXPECT_EQ(Jsonb("[" + open + close), "unfit invalid_json");
  EXPECT_EQ(Texts("[" + open + close + "]").substr(0, 37), "element_not_text: " + "01 00004e20 5b5b5b5b"_hex + "5");
  std::string nested = "1";
  for (int level = 0; level < 10'000; ++level) nested.insert(0, R"({"b":)").append(R"(,"a":2})");
  const std::string read = Jsonb(nested);
  EXPECT_EQ(read.substr(0, 20), "{\"a\":2,\"b\":{\"a\":2,\"b");
  EXPECT_EQ(read.size(), nested.size());
}

TEST(ReadTextArrayTest, ReadsStringsAndNulls) {
  EXPECT_EQ(Texts("[]"), "");
  EXPECT_EQ(Texts(" [ \"a\" , null , \"\" ] "), "01 00000001 61 00 01 00000000"_hex);
  EXPECT_EQ(Texts("[\"a\\u0000\"]"), "nul_in_text: " + "01 00000001 61"_hex);
  EXPECT_EQ(Texts("[\"\\ud800\"]"), "nul_in_text: " + "01 00000003 efbfbd"_hex);
  EXPECT_EQ(Texts("[\"\xff\"]"), "invalid_utf8: " + "01 00000003 efbfbd"_hex);
  EXPECT_EQ(Texts("[1.50, true]"), "element_not_text: " + "01 00000004 312e3530 01 00000004 74727565"_hex);
  EXPECT_EQ(Texts("[{\"a\": [1]}]"), "element_not_text: " + "01 0000000a 7b2261223a205b315d7d"_hex);
  EXPECT_EQ(Texts("{}"), "unfit not_an_array");
  EXPECT_EQ(Texts("\"a\""), "unfit not_an_array");
  EXPECT_EQ(Texts("[\"a\""), "unfit invalid_json");
  EXPECT_EQ(Texts("{\"a\":"), "unfit invalid_json");
  EXPECT_EQ(Read({PgKind::kTextArray}, ValueView::Integer(1)), "unfit wrong_type");
  EXPECT_EQ(Read({PgKind::kTextArray}, ValueView::Blob("[]")), "unfit wrong_type");
}

TEST(ReadTextArrayTest, NamesTheFirstOfSeveralRepairs) {
  EXPECT_EQ(Texts("[1, \"\\u0000\"]"), "nul_in_text: " + "01 00000001 31 01 00000000"_hex);
  EXPECT_EQ(Texts("[\"\\u0000\", \"\xff\"]"), "invalid_utf8: " + "01 00000000 01 00000003 efbfbd"_hex);
  std::string out;
  EXPECT_EQ(ReadTextArray(ValueView::Text("[\"\xff\"]"), 2, out, nullptr).kind, "element_too_long");
  EXPECT_EQ(out, "");
}

TEST(ReadTextArrayTest, MovesLongElements) {
  std::string out;
  std::vector<std::string> moved;
  const Reading reading = ReadTextArray(ValueView::Text("[\"abc\", \"ab\", null, \"\xC3\xA4\x61\"]"), 2, out, &moved);
  EXPECT_EQ(testing::Shown(reading, PgKind::kTextArray, out), "element_too_long: " + "01 00000002 6162 00"_hex);
  EXPECT_THAT(moved, ::testing::ElementsAre("abc", "\xC3\xA4\x61"));
}

TEST(ReadUuidArrayTest, ReadsUuidsAndNulls) {
  const std::string element = "01 00000010 0123456789abcdef0123456789abcdef"_hex;
  EXPECT_EQ(Uuids("[\"01234567-89ab-cdef-0123-456789abcdef\",null]"), element + "00");
  EXPECT_EQ(Uuids("[\"{0123456789abcdef0123456789abcdef}\"]"), "uuid_spelling: " + element);
  EXPECT_EQ(Uuids("[\"01234567-89ab-cdef-0123-456789abcdef\\u0000\"]"), "unfit not_uuid");
  EXPECT_EQ(Uuids("[\"\"]"), "unfit not_uuid");
  EXPECT_EQ(Uuids("[1]"), "unfit not_uuid");
  EXPECT_EQ(Uuids("[1"), "unfit not_uuid");
  EXPECT_EQ(Uuids("[null"), "unfit invalid_json");
  EXPECT_EQ(Uuids(absl::string_view("[\0]", 3)), "nul_in_text: ");
  EXPECT_EQ(Uuids("1"), "unfit not_an_array");
}

}  // namespace
}  // namespace vecferry::verifier
