#include <cmath>
#include <limits>

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

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string OfText(PgKind kind, absl::string_view text) { return Read({kind}, ValueView::Text(text)); }
std::string OfReal(PgKind kind, double real) { return Read({kind}, ValueView::Real(real)); }
std::string OfInteger(PgKind kind, std::int64_t integer) { return Read({kind}, ValueView::Integer(integer)); }
std::string OfBlob(PgKind kind, absl::string_view blob) { return Read({kind}, ValueView::Blob(blob)); }

TEST(ReadValueTest, ReadsNullAsNullOfEveryType) {
  for (int kind = 0; kind <= static_cast<int>(PgKind::kHalfvec); ++kind) {
    EXPECT_EQ(Read({static_cast<PgKind>(kind)}, ValueView::Null()), "null") << kind;
  }
}

TEST(ReadValueTest, LeavesWhatStoodBeforeAndAppends) {
  std::string out = "before";
  EXPECT_EQ(ReadValue(ValueView::Text("{\"b\":1,\"a\":2}"), {PgKind::kJsonb}, out).result, Reading::Result::kExact);
  EXPECT_EQ(out, "before{\"a\":2,\"b\":1}");
  for (const PgKind kind : {PgKind::kJsonb, PgKind::kTextArray, PgKind::kUuidArray, PgKind::kVector, PgKind::kInt8}) {
    std::string kept = "before";
    EXPECT_EQ(ReadValue(ValueView::Text("[1, \"a\", \"\\u0000\""), {kind}, kept).result, Reading::Result::kUnfit);
    EXPECT_EQ(kept, "before");
  }
}

TEST(ReadBoolTest, TakesZeroAndOneAndPostgresWords) {
  EXPECT_EQ(OfInteger(PgKind::kBool, 1), "01");
  EXPECT_EQ(OfInteger(PgKind::kBool, 0), "00");
  EXPECT_EQ(OfReal(PgKind::kBool, 1), "01");
  EXPECT_EQ(OfReal(PgKind::kBool, -0.0), "00");
  for (const char* word : {"t", "TRUE", "tru", "y", "Yes", "on", "1", " \t\n\v\f\rtrue "}) {
    EXPECT_EQ(OfText(PgKind::kBool, word), "01") << word;
  }
  for (const char* word : {"f", "False", "n", "no", "of", "OFF", "0"}) EXPECT_EQ(OfText(PgKind::kBool, word), "00");
  for (const char* word : {"", "o", "truee", "2", "1.0", "01", "ja"}) {
    EXPECT_EQ(OfText(PgKind::kBool, word), "unfit wrong_type") << word;
  }
  EXPECT_EQ(OfInteger(PgKind::kBool, 2), "unfit wrong_type");
  EXPECT_EQ(OfReal(PgKind::kBool, 0.5), "unfit wrong_type");
  EXPECT_EQ(OfBlob(PgKind::kBool, "1"), "unfit wrong_type");
}

TEST(ReadIntegerTest, TakesWhatTheTypeHolds) {
  EXPECT_EQ(OfInteger(PgKind::kInt2, 258), "0102");
  EXPECT_EQ(OfInteger(PgKind::kInt2, -32768), "8000");
  EXPECT_EQ(OfInteger(PgKind::kInt2, 32768), "unfit out_of_range");
  EXPECT_EQ(OfInteger(PgKind::kInt4, -1), "ffffffff");
  EXPECT_EQ(OfInteger(PgKind::kInt4, 2147483647), "7fffffff");
  EXPECT_EQ(OfInteger(PgKind::kInt4, 2147483648), "unfit out_of_range");
  EXPECT_EQ(OfInteger(PgKind::kInt8, INT64_MIN), "8000000000000000");
  EXPECT_EQ(OfText(PgKind::kInt8, "9007199254740993"), "0020000000000001");
  EXPECT_EQ(OfText(PgKind::kInt8, "-9223372036854775808"), "8000000000000000");
  EXPECT_EQ(OfText(PgKind::kInt8, "9223372036854775808"), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kInt2, " +0007\n"), "0007");
  EXPECT_EQ(OfReal(PgKind::kInt8, -9223372036854775808.0), "8000000000000000");
  EXPECT_EQ(OfReal(PgKind::kInt8, 9223372036854775808.0), "unfit out_of_range");
  EXPECT_EQ(OfReal(PgKind::kInt2, -0.0), "0000");
  EXPECT_EQ(OfReal(PgKind::kInt8, 1.5), "unfit wrong_type");
  for (const char* text : {"", "1.0", "1e3", "0x1", "--1", "+", "1 2", "12a"}) {
    EXPECT_EQ(OfText(PgKind::kInt8, text), "unfit wrong_type") << text;
  }
  EXPECT_EQ(OfBlob(PgKind::kInt8, "1"), "unfit wrong_type");
}

TEST(ReadFloat8Test, TakesWhatADoubleSays) {
  EXPECT_EQ(OfReal(PgKind::kFloat8, 0.1), "3fb999999999999a");
  EXPECT_EQ(OfReal(PgKind::kFloat8, -0.0), "8000000000000000");
  EXPECT_EQ(OfReal(PgKind::kFloat8, -kInfinity), "fff0000000000000");
  EXPECT_EQ(OfReal(PgKind::kFloat8, 5e-324), "0000000000000001");
  EXPECT_EQ(OfInteger(PgKind::kFloat8, 9007199254740992), "4340000000000000");
  EXPECT_EQ(OfInteger(PgKind::kFloat8, 9007199254740993), "unfit not_exact");
  EXPECT_EQ(OfInteger(PgKind::kFloat8, INT64_MAX), "unfit not_exact");
  EXPECT_EQ(OfInteger(PgKind::kFloat8, INT64_MIN), "c3e0000000000000");
  EXPECT_EQ(OfText(PgKind::kFloat8, " 0.100 "), "3fb999999999999a");
  EXPECT_EQ(OfText(PgKind::kFloat8, "0.1000000000000000055511151231257827021181583404541015625"), "3fb999999999999a");
  EXPECT_EQ(OfText(PgKind::kFloat8, "0.10000000000000001"), "unfit not_exact");
  EXPECT_EQ(OfText(PgKind::kFloat8, "-0"), "8000000000000000");
  EXPECT_EQ(OfText(PgKind::kFloat8, "5e-324"), "0000000000000001");
  EXPECT_EQ(OfText(PgKind::kFloat8, "1e400"), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kFloat8, "NaN"), "7ff8000000000000");
  EXPECT_EQ(OfText(PgKind::kFloat8, "-inf"), "fff0000000000000");
  EXPECT_EQ(OfText(PgKind::kFloat8, "Infinity"), "7ff0000000000000");
  for (const char* text : {"", ".", "e5", "1e", "1e+", "0x10", "1 e5", "1,5"}) {
    EXPECT_EQ(OfText(PgKind::kFloat8, text), "unfit wrong_type") << text;
  }
}

TEST(ReadNumericTest, KeepsTheDigitsAfterThePoint) {
  EXPECT_EQ(OfInteger(PgKind::kNumeric, INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(OfReal(PgKind::kNumeric, 0.1), "0.1");
  EXPECT_EQ(OfReal(PgKind::kNumeric, 1e20), "100000000000000000000");
  EXPECT_EQ(OfReal(PgKind::kNumeric, -2.5e-7), "-0.00000025");
  EXPECT_EQ(OfReal(PgKind::kNumeric, -0.0), "0");
  EXPECT_EQ(OfReal(PgKind::kNumeric, kInfinity), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kNumeric, "-12.50"), "-12.50");
  EXPECT_EQ(OfText(PgKind::kNumeric, "-0.00"), "0.00");
  EXPECT_EQ(OfText(PgKind::kNumeric, "+007.10"), "7.10");
  EXPECT_EQ(OfText(PgKind::kNumeric, ".5"), "0.5");
  EXPECT_EQ(OfText(PgKind::kNumeric, "5."), "5");
  EXPECT_EQ(OfText(PgKind::kNumeric, "1.50e1"), "15.0");
  EXPECT_EQ(OfText(PgKind::kNumeric, "1e2"), "100");
  EXPECT_EQ(OfText(PgKind::kNumeric, "-100e-4"), "-0.0100");
  EXPECT_EQ(OfText(PgKind::kNumeric, "0e-3"), "0.000");
  EXPECT_EQ(OfText(PgKind::kNumeric, " nan\n"), "NaN");
  EXPECT_EQ(OfText(PgKind::kNumeric, "-Infinity"), "unfit wrong_type");
  EXPECT_EQ(OfText(PgKind::kNumeric, "1e131071"), "1" + std::string(131071, '0'));
  EXPECT_EQ(OfText(PgKind::kNumeric, "1e131072"), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kNumeric, "0001e131071"), "1" + std::string(131071, '0'));
  EXPECT_EQ(OfText(PgKind::kNumeric, "1e-16383"), "0." + std::string(16382, '0') + "1");
  EXPECT_EQ(OfText(PgKind::kNumeric, "1e-16384"), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kNumeric, "0e-16384"), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kNumeric, "0." + std::string(16384, '0')), "unfit out_of_range");
  EXPECT_EQ(OfText(PgKind::kNumeric, "1e 5"), "unfit wrong_type");
  EXPECT_EQ(OfBlob(PgKind::kNumeric, "1"), "unfit wrong_type");
}

TEST(ReadTextTest, LeavesOutNulsAndReplacesWhatIsNoUtf8) {
  EXPECT_EQ(OfText(PgKind::kText, ""), "");
  EXPECT_EQ(OfText(PgKind::kText, "Fähre über den Fluß, 渡し船 ⛴"), "Fähre über den Fluß, 渡し船 ⛴");
  EXPECT_EQ(OfText(PgKind::kText, absl::string_view("a\0b", 3)), "nul_in_text: ab");
  EXPECT_EQ(OfText(PgKind::kText, absl::string_view("0123456789\0abcdef", 17)), "nul_in_text: 0123456789abcdef");
  EXPECT_EQ(OfText(PgKind::kText, "0123456\x80"), "invalid_utf8: 0123456\xEF\xBF\xBD");
  EXPECT_EQ(OfText(PgKind::kText, absl::string_view("\0\xff", 2)), "invalid_utf8: \xEF\xBF\xBD");
  // One for each maximal part: Unicode, table 3-8.
  EXPECT_EQ(OfText(PgKind::kText, "\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "invalid_utf8: a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c\xEF\xBF\xBD\xEF\xBF\xBD"
            "d");
  EXPECT_EQ(OfText(PgKind::kText, "\xED\xA0\x80"), "invalid_utf8: \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(OfText(PgKind::kText, "\xF4\x90\x80"), "invalid_utf8: \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(OfText(PgKind::kText, "\xC0\xAF"), "invalid_utf8: \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(OfBlob(PgKind::kText, "\xC3\xA4"), "\xC3\xA4");
  EXPECT_EQ(OfBlob(PgKind::kText, "\xC3"), "unfit wrong_type");
  EXPECT_EQ(OfBlob(PgKind::kText, absl::string_view("\0", 1)), "unfit wrong_type");
}

TEST(ReadTextTest, WritesNumbersAsSqliteDoesWithAllDigits) {
  EXPECT_EQ(OfInteger(PgKind::kText, -42), "-42");
  EXPECT_EQ(OfReal(PgKind::kText, 5), "5.0");
  EXPECT_EQ(OfReal(PgKind::kText, 1e20), "1.0e+20");
  EXPECT_EQ(OfReal(PgKind::kText, -1.5e-5), "-1.5e-05");
  EXPECT_EQ(OfReal(PgKind::kText, 1e-4), "0.0001");
  EXPECT_EQ(OfReal(PgKind::kText, 1e14), "100000000000000.0");
  EXPECT_EQ(OfReal(PgKind::kText, 1e15), "1.0e+15");
  EXPECT_EQ(OfReal(PgKind::kText, 0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(OfReal(PgKind::kText, 1e300), "1.0e+300");
  EXPECT_EQ(OfReal(PgKind::kText, kInfinity), "Inf");
}

TEST(ReadByteaTest, TakesBytes) {
  EXPECT_EQ(OfBlob(PgKind::kBytea, absl::string_view("\0\xff", 2)), "00ff");
  EXPECT_EQ(OfText(PgKind::kBytea, "a"), "61");
  EXPECT_EQ(OfInteger(PgKind::kBytea, 1), "unfit wrong_type");
  EXPECT_EQ(OfReal(PgKind::kBytea, 1), "unfit wrong_type");
}

constexpr char kUuid[] = "0123456789abcdef0123456789abcdef";

TEST(ReadUuidTest, NormalisesOtherSpellings) {
  EXPECT_EQ(OfText(PgKind::kUuid, "01234567-89ab-cdef-0123-456789abcdef"), kUuid);
  EXPECT_EQ(OfBlob(PgKind::kUuid, absl::HexStringToBytes(kUuid)), kUuid);
  for (const char* text : {"01234567-89AB-cdef-0123-456789abcdef", "{01234567-89ab-cdef-0123-456789abcdef}",
                           "0123456789abcdef0123456789abcdef", "0123-4567-89ab-cdef-0123-4567-89ab-cdef"}) {
    EXPECT_EQ(OfText(PgKind::kUuid, text), std::string("uuid_spelling: ") + kUuid) << text;
  }
  for (const char* text :
       {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0", "{0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef-", "01-23456789abcdef0123456789abcdef", "0123--456789abcdef0123456789abcdef",
        " 01234567-89ab-cdef-0123-456789abcdef", "g123456789abcdef0123456789abcdef"}) {
    EXPECT_EQ(OfText(PgKind::kUuid, text), "unfit not_uuid") << text;
  }
  EXPECT_EQ(OfBlob(PgKind::kUuid, "15 bytes in it."), "unfit not_uuid");
  EXPECT_EQ(OfInteger(PgKind::kUuid, 1), "unfit not_uuid");
}

std::string Id(const ValueView& value) {
  std::string out;
  const Reading reading = ReadId(value, out);
  return testing::Shown(reading, PgKind::kUuid, out);
}

TEST(ReadIdTest, MakesVersion5OfWhatIsNoUuid) {
  EXPECT_EQ(Id(ValueView::Text("01234567-89ab-cdef-0123-456789abcdef")), kUuid);
  EXPECT_EQ(Id(ValueView::Text("{0123456789ABCDEF0123456789abcdef}")), std::string("uuid_spelling: ") + kUuid);
  EXPECT_EQ(Id(ValueView::Text("mem-1")), "id_not_uuid: " + "a9a662dddb595a9f 9c387a21d8a02aa1"_hex);
  EXPECT_EQ(Id(ValueView::Blob("\x01\xff")), "id_not_uuid: " + "9b153a9788625641 b212f1417858af40"_hex);
  EXPECT_EQ(Id(ValueView::Integer(7)), Id(ValueView::Text("7")));
  EXPECT_EQ(Id(ValueView::Real(7)), Id(ValueView::Text("7.0")));
  EXPECT_EQ(Id(ValueView::Blob("0123456789abcdef")), Id(ValueView::Text("blob:30313233343536373839616263646566")));
  EXPECT_EQ(Id(ValueView::Null()), "null");
}

}  // namespace
}  // namespace vecferry::verifier
