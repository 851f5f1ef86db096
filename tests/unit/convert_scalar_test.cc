#include <cmath>
#include <limits>

#include "absl/strings/escaping.h"
#include "common/convert/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/hex.h"

// Bytes are those of docs/wire_format.md; tests/integration/convert_against_postgres_test.cc holds random values
// against Postgres.
namespace vecferry::convert {
namespace {

using testing::operator""_hex;
using core::PgKind;
using core::ValueView;
using std::string_literals::operator""s;

// What a conversion gave: its bytes as hex, or its fidelity and kind in words.
std::string Encode(const ValueView& value, PgKind kind) {
  std::string out = "before";
  const Outcome outcome = Convert(value, {kind}, out);
  EXPECT_EQ(out.substr(0, 6), "before") << "what was there stays";
  const std::string hex = absl::BytesToHexString(absl::string_view(out).substr(6));
  const std::string named(outcome.kind);
  switch (outcome.fidelity) {
    case Fidelity::kExact: return hex;
    case Fidelity::kRounded: return "rounded " + hex;
    case Fidelity::kRepaired: return named + " " + hex;
    case Fidelity::kNull: EXPECT_EQ(hex, ""); return "null";
    case Fidelity::kUnfit: EXPECT_EQ(hex, "") << "an unfit value leaves nothing"; return "unfit " + named;
  }
  return "";
}

std::string EncodeText(absl::string_view text, PgKind kind) { return Encode(ValueView::Text(text), kind); }

TEST(ConvertTest, NullStaysNullInEveryType) {
  for (int kind = 0; kind <= static_cast<int>(PgKind::kHalfvec); ++kind) {
    EXPECT_EQ(Encode(ValueView::Null(), static_cast<PgKind>(kind)), "null") << kind;
  }
  std::string out;
  EXPECT_EQ(ToId(ValueView::Null(), out).fidelity, Fidelity::kNull);
}

TEST(ToBoolTest, TakesWhatMeansTrueOrFalse) {
  for (const char* text : {"t", "true", "TRUE", "tr", "y", "yes", "on", "1", " on "}) {
    EXPECT_EQ(EncodeText(text, PgKind::kBool), "01") << text;
  }
  for (const char* text : {"f", "false", "n", "no", "of", "OFF", "0"}) {
    EXPECT_EQ(EncodeText(text, PgKind::kBool), "00") << text;
  }
  for (const char* text : {"", "o", "2", "01", "truest", "yess", "null"}) {
    EXPECT_EQ(EncodeText(text, PgKind::kBool), "unfit wrong_type") << text;
  }
  EXPECT_EQ(Encode(ValueView::Integer(1), PgKind::kBool), "01");
  EXPECT_EQ(Encode(ValueView::Integer(0), PgKind::kBool), "00");
  EXPECT_EQ(Encode(ValueView::Real(1), PgKind::kBool), "01");
  EXPECT_EQ(Encode(ValueView::Integer(2), PgKind::kBool), "unfit wrong_type");
  EXPECT_EQ(Encode(ValueView::Blob("1"), PgKind::kBool), "unfit wrong_type");
}

TEST(ToIntTest, CarriesWhatIsAnInteger) {
  EXPECT_EQ(Encode(ValueView::Integer((std::int64_t{1} << 53) + 1), PgKind::kInt8), "0020000000000001");
  EXPECT_EQ(Encode(ValueView::Integer(std::numeric_limits<std::int64_t>::min()), PgKind::kInt8), "8000000000000000");
  EXPECT_EQ(Encode(ValueView::Real(-5), PgKind::kInt8), "fffffffffffffffb");
  EXPECT_EQ(EncodeText(" +12 ", PgKind::kInt8), "000000000000000c");
  EXPECT_EQ(EncodeText("-9223372036854775808", PgKind::kInt8), "8000000000000000");
  EXPECT_EQ(Encode(ValueView::Integer(-1), PgKind::kInt4), "ffffffff");
  EXPECT_EQ(Encode(ValueView::Integer(258), PgKind::kInt2), "0102");
}

TEST(ToIntTest, LeavesWhatIsNone) {
  for (const char* text : {"", "-", "+-1", "1.0", "1e3", "0x1", "1 2", "\xd9\xa1"}) {
    EXPECT_EQ(EncodeText(text, PgKind::kInt8), "unfit wrong_type") << text;
  }
  EXPECT_EQ(Encode(ValueView::Real(0.5), PgKind::kInt8), "unfit wrong_type");
  EXPECT_EQ(Encode(ValueView::Real(9223372036854775808.0), PgKind::kInt8), "unfit out_of_range");
  EXPECT_EQ(EncodeText("9223372036854775808", PgKind::kInt8), "unfit out_of_range");
  EXPECT_EQ(EncodeText("-99999999999999999999", PgKind::kInt2), "unfit out_of_range");
  EXPECT_EQ(Encode(ValueView::Real(HUGE_VAL), PgKind::kInt8), "unfit wrong_type");
  EXPECT_EQ(Encode(ValueView::Real(std::nan("")), PgKind::kInt8), "unfit wrong_type");
  EXPECT_EQ(Encode(ValueView::Blob("1"), PgKind::kInt8), "unfit wrong_type");
  EXPECT_EQ(Encode(ValueView::Integer(32768), PgKind::kInt2), "unfit out_of_range");
  EXPECT_EQ(Encode(ValueView::Integer(-32768), PgKind::kInt2), "8000");
  EXPECT_EQ(Encode(ValueView::Integer(-2147483649), PgKind::kInt4), "unfit out_of_range");
}

TEST(ToFloat8Test, CarriesBits) {
  EXPECT_EQ(Encode(ValueView::Real(1), PgKind::kFloat8), "3ff0000000000000");
  EXPECT_EQ(Encode(ValueView::Real(-0.0), PgKind::kFloat8), "8000000000000000");
  EXPECT_EQ(Encode(ValueView::Real(5e-324), PgKind::kFloat8), "0000000000000001");
  EXPECT_EQ(Encode(ValueView::Real(std::numeric_limits<double>::infinity()), PgKind::kFloat8), "7ff0000000000000");
  EXPECT_EQ(Encode(ValueView::Integer(std::int64_t{1} << 60), PgKind::kFloat8), "43b0000000000000");
}

TEST(ToFloat8Test, TakesTextThatADoubleSays) {
  EXPECT_EQ(EncodeText("0.1", PgKind::kFloat8), "3fb999999999999a");
  EXPECT_EQ(EncodeText(" +1e0 ", PgKind::kFloat8), "3ff0000000000000");
  EXPECT_EQ(EncodeText("-0", PgKind::kFloat8), "8000000000000000");
  EXPECT_EQ(EncodeText("1152921504606846976", PgKind::kFloat8), "43b0000000000000") << "exact, though not shortest";
  EXPECT_EQ(EncodeText("-Infinity", PgKind::kFloat8), "fff0000000000000");
  EXPECT_EQ(EncodeText("nan", PgKind::kFloat8), "7ff8000000000000");
}

TEST(ToFloat8Test, LeavesWhatItCannotSay) {
  EXPECT_EQ(Encode(ValueView::Integer((std::int64_t{1} << 53) + 1), PgKind::kFloat8), "unfit not_exact");
  EXPECT_EQ(Encode(ValueView::Integer(std::numeric_limits<std::int64_t>::max()), PgKind::kFloat8), "unfit not_exact");
  EXPECT_EQ(EncodeText("9007199254740993", PgKind::kFloat8), "unfit not_exact");
  EXPECT_EQ(EncodeText("0.1000000000000000000001", PgKind::kFloat8), "unfit not_exact");
  EXPECT_EQ(EncodeText("1e309", PgKind::kFloat8), "unfit out_of_range");
  EXPECT_EQ(EncodeText("1e-400", PgKind::kFloat8), "unfit out_of_range");
  for (const char* text : {"", ".", "e5", "1e", "1e+", "--1", "1.2.3", "1,5", "1 2", "infinite"}) {
    EXPECT_EQ(EncodeText(text, PgKind::kFloat8), "unfit wrong_type") << text;
  }
  EXPECT_EQ(Encode(ValueView::Blob("1"), PgKind::kFloat8), "unfit wrong_type");
}

TEST(ToNumericTest, WritesBase10000) {
  //                                                     groups weight sign scale digits
  EXPECT_EQ(EncodeText("0", PgKind::kNumeric), "0000 0000 0000 0000"_hex);
  EXPECT_EQ(EncodeText("-0.00", PgKind::kNumeric), "0000 0000 0000 0002"_hex);
  EXPECT_EQ(EncodeText("1.50", PgKind::kNumeric), "0002 0000 0000 0002 0001 1388"_hex);
  EXPECT_EQ(EncodeText("-12345.678", PgKind::kNumeric), "0003 0001 4000 0003 0001 0929 1a7c"_hex);
  EXPECT_EQ(EncodeText("0.00001", PgKind::kNumeric), "0001 fffe 0000 0005 03e8"_hex);
  EXPECT_EQ(EncodeText("1e4", PgKind::kNumeric), "0001 0001 0000 0000 0001"_hex);
  EXPECT_EQ(EncodeText("NaN", PgKind::kNumeric), "0000 0000 c000 0000"_hex);
  EXPECT_EQ(Encode(ValueView::Real(0.1), PgKind::kNumeric), "0001 ffff 0000 0001 03e8"_hex);
  EXPECT_EQ(Encode(ValueView::Real(5), PgKind::kNumeric), "0001 0000 0000 0000 0005"_hex);
  EXPECT_EQ(EncodeText("1e-16384", PgKind::kNumeric), "unfit out_of_range");
  EXPECT_EQ(EncodeText("1e131072", PgKind::kNumeric), "unfit out_of_range");
  EXPECT_EQ(Encode(ValueView::Real(std::numeric_limits<double>::infinity()), PgKind::kNumeric), "unfit out_of_range");
  EXPECT_EQ(EncodeText("12a", PgKind::kNumeric), "unfit wrong_type");
}

TEST(ToTextTest, KeepsGoodTextAndRepairsTheRest) {
  EXPECT_EQ(EncodeText("f\xc3\xa4hre", PgKind::kText), "66c3a4687265");
  EXPECT_EQ(EncodeText("", PgKind::kText), "");
  EXPECT_EQ(EncodeText("a\0b\0"s, PgKind::kText), "nul_in_text 6162");
  EXPECT_EQ(EncodeText("a\xff\xc3", PgKind::kText), "invalid_utf8 61efbfbdefbfbd");
  EXPECT_EQ(EncodeText("\xc3\0\xa4"s, PgKind::kText), "invalid_utf8 efbfbdefbfbd") << "both; nothing is joined";
}

std::string TextOf(const ValueView& value) {
  std::string out;
  EXPECT_EQ(ToText(value, out).fidelity, Fidelity::kExact);
  return out;
}

TEST(ToTextTest, WritesNumbersAsSqliteCastsThem) {
  EXPECT_EQ(TextOf(ValueView::Integer(-7)), "-7");
  EXPECT_EQ(TextOf(ValueView::Real(5)), "5.0");
  EXPECT_EQ(TextOf(ValueView::Real(-0.0)), "-0.0");
  EXPECT_EQ(TextOf(ValueView::Real(0.1)), "0.1");
  EXPECT_EQ(TextOf(ValueView::Real(0.1 + 0.2)), "0.30000000000000004") << "all digits, where SQLite stops at 15";
  EXPECT_EQ(TextOf(ValueView::Real(1e20)), "1.0e+20");
  EXPECT_EQ(TextOf(ValueView::Real(123456789012345.0)), "123456789012345.0");
  EXPECT_EQ(TextOf(ValueView::Real(1e15)), "1.0e+15");
  EXPECT_EQ(TextOf(ValueView::Real(0.0001)), "0.0001");
  EXPECT_EQ(TextOf(ValueView::Real(0.00001)), "1.0e-05");
  EXPECT_EQ(TextOf(ValueView::Real(-std::numeric_limits<double>::infinity())), "-Inf");
}

TEST(ToTextTest, TakesABlobThatIsText) {
  EXPECT_EQ(Encode(ValueView::Blob("ab"), PgKind::kText), "6162");
  EXPECT_EQ(Encode(ValueView::Blob("\xff"), PgKind::kText), "unfit wrong_type");
  EXPECT_EQ(Encode(ValueView::Blob("a\0"s), PgKind::kText), "unfit wrong_type");
}

TEST(ToByteaTest, TakesBytes) {
  EXPECT_EQ(Encode(ValueView::Blob("\0\xff"s), PgKind::kBytea), "00ff");
  EXPECT_EQ(EncodeText("a\0"s, PgKind::kBytea), "6100");
  EXPECT_EQ(Encode(ValueView::Integer(1), PgKind::kBytea), "unfit wrong_type");
}

constexpr char kHex[] = "0123456789abcdef0123456789abcdef";

TEST(ToUuidTest, ReadsEverySpellingOfPostgres) {
  EXPECT_EQ(EncodeText("01234567-89ab-cdef-0123-456789abcdef", PgKind::kUuid), kHex);
  for (const char* text : {"01234567-89AB-cdef-0123-456789abcdef", "{01234567-89ab-cdef-0123-456789abcdef}", kHex,
                           "0123-4567-89ab-cdef-0123-4567-89ab-cdef"}) {
    EXPECT_EQ(EncodeText(text, PgKind::kUuid), std::string("uuid_spelling ") + kHex) << text;
  }
  for (const char* text : {"", "{", "01234567-89ab-cdef-0123-456789abcde", "01234567-89ab-cdef-0123-456789abcdef0",
                           "{01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef}",
                           "0-1234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg",
                           "01234567--89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef-"}) {
    EXPECT_EQ(EncodeText(text, PgKind::kUuid), "unfit not_uuid") << text;
  }
  EXPECT_EQ(Encode(ValueView::Blob(absl::HexStringToBytes(kHex)), PgKind::kUuid), kHex);
  EXPECT_EQ(Encode(ValueView::Blob("short"), PgKind::kUuid), "unfit not_uuid");
}

std::string Id(const ValueView& value) {
  std::string out;
  const Outcome outcome = ToId(value, out);
  const std::string hex = absl::BytesToHexString(out);
  return outcome.fidelity == Fidelity::kExact ? hex : std::string(outcome.kind) + " " + hex;
}

TEST(ToIdTest, HashesWhatIsNoUuid) {
  EXPECT_EQ(Id(ValueView::Text("01234567-89ab-cdef-0123-456789abcdef")), kHex);
  EXPECT_EQ(Id(ValueView::Text("{01234567-89AB-CDEF-0123-456789ABCDEF}")), std::string("uuid_spelling ") + kHex);
  // Python: uuid.uuid5(uuid.UUID('bbada3e7-23d4-5350-af54-67cc01d8ddea'), name)
  EXPECT_EQ(Id(ValueView::Text("mem-1")), "id_not_uuid a9a662dddb595a9f9c387a21d8a02aa1");
  EXPECT_EQ(Id(ValueView::Text("")), "id_not_uuid 0d1e08671b7e5fb2b450ce4a182ce834");
  EXPECT_EQ(Id(ValueView::Blob("\x01\xff")), "id_not_uuid 9b153a9788625641b212f1417858af40");
  EXPECT_EQ(Id(ValueView::Integer(42)), "id_not_uuid c656ec81f56252beb560416e45a04ba5");
  EXPECT_EQ(Id(ValueView::Integer(42)), Id(ValueView::Text("42")));
  EXPECT_EQ(Id(ValueView::Real(1.5)), "id_not_uuid 08b90936d18a5a0183ebeabaebc8d216");
}

}  // namespace
}  // namespace vecferry::convert
