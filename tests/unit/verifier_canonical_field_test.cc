#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/hex.h"
#include "tests/support/reading.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using testing::operator""_hex;

// The canonical form of a field that is given in hex, or "damaged".
std::string Field(PgKind kind, const std::string& hex) {
  std::string buffer;
  const std::string field = absl::HexStringToBytes(hex);
  const absl::StatusOr<absl::string_view> canonical = CanonicalField({kind}, field, buffer);
  if (canonical.ok()) return testing::Shown(kind, *canonical);
  EXPECT_EQ(canonical.status().code(), absl::StatusCode::kDataLoss);
  return "damaged";
}

std::string Text(PgKind kind, const std::string& hex) { return CanonicalText({kind}, absl::HexStringToBytes(hex)); }

TEST(CanonicalFieldTest, PassesOnWhatIsCanonical) {
  std::string buffer;
  const std::string field = "some text";
  EXPECT_EQ(CanonicalField({PgKind::kText}, field, buffer)->data(), field.data());
  EXPECT_EQ(Field(PgKind::kBool, "01"), "01");
  EXPECT_EQ(Field(PgKind::kInt2, "8000"), "8000");
  EXPECT_EQ(Field(PgKind::kInt4, "ffffffff"), "ffffffff");
  EXPECT_EQ(Field(PgKind::kInt8, "0020000000000001"), "0020000000000001");
  EXPECT_EQ(Field(PgKind::kFloat8, "7ff0000000000001"), "7ff0000000000001");
  EXPECT_EQ(Field(PgKind::kBytea, "00ff"), "00ff");
  EXPECT_EQ(Field(PgKind::kBytea, ""), "");
  EXPECT_EQ(Field(PgKind::kUuid, "0123456789abcdef0123456789abcdef"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(Field(PgKind::kTimestamptz, "fffca2fec4c82000"), "fffca2fec4c82000");
  EXPECT_EQ(Field(PgKind::kTimestamptz, "7fffffffffffffff"), "7fffffffffffffff");
  EXPECT_EQ(Field(PgKind::kVector, "0002 0000 3f800000 c0000000"_hex), "0002 0000 3f800000 c0000000"_hex);
  EXPECT_EQ(Field(PgKind::kHalfvec, "0001 0000 3c00"_hex), "0001 0000 3c00"_hex);
}

TEST(CanonicalFieldTest, WritesNumeric) {
  EXPECT_EQ(Field(PgKind::kNumeric, "0003 0001 4000 0003 0001 0929 1a7c"_hex), "-12345.678");
  EXPECT_EQ(Field(PgKind::kNumeric, "0001 ffff 0000 0001 03e8"_hex), "0.1");
  EXPECT_EQ(Field(PgKind::kNumeric, "0000 0000 0000 0002"_hex), "0.00");
  EXPECT_EQ(Field(PgKind::kNumeric, "0001 0001 0000 0000 0001"_hex), "10000");
  EXPECT_EQ(Field(PgKind::kNumeric, "0001 fffe 0000 0008 0001"_hex), "0.00000001");
  EXPECT_EQ(Field(PgKind::kNumeric, "0000 0000 c000 0000"_hex), "NaN");
  EXPECT_EQ(Field(PgKind::kNumeric, "0000 0000 f000 0020"_hex), "-Infinity");
  EXPECT_EQ(Field(PgKind::kNumeric, "0001 7fff 0000 0000 270f"_hex), "9999" + std::string(131'068, '0'));
  for (const char* hex :
       {"", "0000 0000 0000", "0001 0000 0000 0000", "0000 0000 0000 0000 0001", "0001 0000 0000 0000 2710",
        "0000 0000 8000 0000", "0000 0000 0000 4000", "0001 ffff 0000 0001 03e9", "0001 0000 c000 0000 0001"}) {
    EXPECT_EQ(Field(PgKind::kNumeric, absl::StrReplaceAll(hex, {{" ", ""}})), "damaged") << hex;
  }
}

TEST(CanonicalFieldTest, WritesJsonb) {
  const auto jsonb = [](absl::string_view text) { return Field(PgKind::kJsonb, "01" + absl::BytesToHexString(text)); };
  EXPECT_EQ(jsonb("{\"b\": [1.50, \"\\u0001\"], \"aa\": {}}"), "{\"aa\":{},\"b\":[1.50,\"\\u0001\"]}");
  EXPECT_EQ(jsonb(std::string(20'000, '[') + std::string(20'000, ']')).size(), 40'000u);
  EXPECT_EQ(jsonb("{"), "damaged");
  EXPECT_EQ(jsonb(""), "damaged");
  EXPECT_EQ(jsonb("{\"a\": 1, \"a\": 2}"), "damaged");
  EXPECT_EQ(jsonb("\"\\u0000\""), "damaged");
  EXPECT_EQ(jsonb("\"\xff\""), "damaged");
  EXPECT_EQ(Field(PgKind::kJsonb, ""), "damaged");
  EXPECT_EQ(Field(PgKind::kJsonb, "02 7b7d"_hex), "damaged");
}

TEST(CanonicalFieldTest, WritesArrays) {
  const std::string head = "00000001 00000001 00000019 00000002 00000001"_hex;
  EXPECT_EQ(Field(PgKind::kTextArray, head + "00000001 61 ffffffff"_hex), "01 00000001 61 00"_hex);
  EXPECT_EQ(Field(PgKind::kTextArray, "00000000 00000000 00000019"_hex), "");
  EXPECT_EQ(Field(PgKind::kUuidArray,
                  "00000001 00000000 00000b86 00000001 00000001 00000010"_hex + "0123456789abcdef0123456789abcdef"),
            "01 00000010 0123456789abcdef0123456789abcdef"_hex);
  const std::string from_two = "00000001 00000000 00000019 00000001 00000002 00000001 61"_hex;
  EXPECT_EQ(Field(PgKind::kTextArray, from_two), "02" + from_two);
  const std::string of_two_dimensions =
      "00000002 00000000 00000019 00000001 00000001 00000001 00000001 00000001 61"_hex;
  EXPECT_EQ(Field(PgKind::kTextArray, of_two_dimensions), "02" + of_two_dimensions);
  for (const std::string& hex :
       {std::string(), head, head + "00000001 61"_hex, head + "00000001 61 ffffffff 00"_hex, head + "00000002 61"_hex,
        head + "00000001 ff ffffffff"_hex, "00000000 00000000 00000b86"_hex, "00000000 00000002 00000019"_hex,
        "00000007 00000000 00000019"_hex, "00000001 00000000 00000019 00000000 00000001"_hex,
        "00000001 00000000 00000019 7fffffff 00000001"_hex, head + "fffffffe 61 ffffffff"_hex}) {
    EXPECT_EQ(Field(PgKind::kTextArray, hex), "damaged") << hex;
  }
}

TEST(CanonicalFieldTest, RefusesDamagedFields) {
  EXPECT_EQ(Field(PgKind::kBool, "02"), "damaged");
  EXPECT_EQ(Field(PgKind::kBool, ""), "damaged");
  EXPECT_EQ(Field(PgKind::kInt2, "00"), "damaged");
  EXPECT_EQ(Field(PgKind::kInt4, "0000"), "damaged");
  EXPECT_EQ(Field(PgKind::kInt8, "00000000"), "damaged");
  EXPECT_EQ(Field(PgKind::kFloat8, "00000000"), "damaged");
  EXPECT_EQ(Field(PgKind::kTimestamptz, "00"), "damaged");
  EXPECT_EQ(Field(PgKind::kTimestamptz, "7ffffffffffffffe"), "damaged");
  EXPECT_EQ(Field(PgKind::kUuid, "00"), "damaged");
  EXPECT_EQ(Field(PgKind::kText, "ff"), "damaged");
  EXPECT_EQ(Field(PgKind::kText, "00"), "damaged");
  for (const PgKind kind : {PgKind::kVector, PgKind::kHalfvec}) {
    EXPECT_EQ(Field(kind, ""), "damaged");
    EXPECT_EQ(Field(kind, "00000000"), "damaged");
    EXPECT_EQ(Field(kind, "0001 0000 3c"_hex), "damaged");
  }
  EXPECT_EQ(Field(PgKind::kVector, "0001 0001 3f800000"_hex), "damaged");
  EXPECT_EQ(Field(PgKind::kVector, "0001 0000 7f800000"_hex), "damaged");
  EXPECT_EQ(Field(PgKind::kHalfvec, "0001 0000 fc00"_hex), "damaged");
}

TEST(CanonicalTextTest, WritesValuesAsPostgresDoes) {
  EXPECT_EQ(Text(PgKind::kBool, "01"), "t");
  EXPECT_EQ(Text(PgKind::kInt2, "ffff"), "-1");
  EXPECT_EQ(Text(PgKind::kInt4, "80000000"), "-2147483648");
  EXPECT_EQ(Text(PgKind::kInt8, "8000000000000000"), "-9223372036854775808");
  EXPECT_EQ(Text(PgKind::kFloat8, "3fb999999999999a"), "0.1");
  EXPECT_EQ(Text(PgKind::kFloat8, "4415af1d78b58c40"), "1e+20");
  EXPECT_EQ(Text(PgKind::kFloat8, "8000000000000000"), "-0");
  EXPECT_EQ(Text(PgKind::kFloat8, "fff0000000000000"), "-Infinity");
  EXPECT_EQ(Text(PgKind::kFloat8, "7ff8000000000000"), "NaN");
  EXPECT_EQ(Text(PgKind::kBytea, "00ff"), "\\x00ff");
  EXPECT_EQ(Text(PgKind::kUuid, "0123456789abcdef0123456789abcdef"), "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(Text(PgKind::kTimestamptz, "000000000016e360"), "2000-01-01 00:00:01.500000+00");
  EXPECT_EQ(Text(PgKind::kTimestamptz, "7fffffffffffffff"), "infinity");
  EXPECT_EQ(Text(PgKind::kTextArray, "01 00000001 61 00 01 00000002 225c"_hex), "{\"a\",NULL,\"\\\"\\\\\"}");
  EXPECT_EQ(Text(PgKind::kTextArray, ""), "{}");
  EXPECT_EQ(Text(PgKind::kTextArray, "02 00000001 00000000 00000019 00000001 00000002 00000001 61"_hex),
            "[2:2]={\"a\"}");
  EXPECT_EQ(Text(PgKind::kTextArray, "02 00000002 00000001 00000019 00000002 00000001 00000002 00000001"_hex +
                                         "00000001 61 ffffffff 00000001 62 00000001 63"_hex),
            "{{\"a\",NULL},{\"b\",\"c\"}}");
  EXPECT_EQ(Text(PgKind::kUuidArray, "01 00000010 0123456789abcdef0123456789abcdef 00"_hex),
            "{01234567-89ab-cdef-0123-456789abcdef,NULL}");
  EXPECT_EQ(Text(PgKind::kVector, "0003 0000 3f800000 3dcccccd 49742400"_hex), "[1,0.1,1e+06]");
  EXPECT_EQ(Text(PgKind::kHalfvec, "0002 0000 3c00 0001"_hex), "[1,5.9604645e-08]");
}

}  // namespace
}  // namespace vecferry::verifier
