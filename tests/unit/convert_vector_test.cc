#include <cmath>
#include <cstring>
#include <limits>

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

std::string Blob(const std::vector<float>& components) {
  std::string blob(components.size() * sizeof(float), '\0');
  std::memcpy(blob.data(), components.data(), blob.size());
  return blob;
}

std::string Show(const Outcome& outcome, const std::string& out) {
  const std::string hex = absl::BytesToHexString(out);
  switch (outcome.fidelity) {
    case Fidelity::kExact: return hex;
    case Fidelity::kRounded: return absl::StrCat("rounded ", hex);
    case Fidelity::kUnfit: EXPECT_EQ(hex, ""); return std::string(outcome.kind);
    default: return "other";
  }
}

std::string Vector(const ValueView& value, int dimension = 0) {
  std::string out;
  const Outcome outcome = ToVector(value, dimension, out);
  return Show(outcome, out);
}

std::string Half(const ValueView& value, int dimension = 0) {
  std::string out;
  const Outcome outcome = ToHalfvec(value, dimension, out);
  return Show(outcome, out);
}

TEST(ToVectorTest, TurnsLittleEndianFloatsRound) {
  const std::string blob = absl::HexStringToBytes("0000803f 000000c0 01000000 00000080"_hex);
  EXPECT_EQ(Vector(ValueView::Blob(blob)), "0004 0000 3f800000 c0000000 00000001 80000000"_hex);
}

TEST(ToVectorTest, EveryLengthIsTurnedWhole) {
  for (std::size_t size = 1; size < 70; ++size) {
    std::vector<float> components(size);
    std::string expected = absl::StrCat(absl::Hex(size, absl::kZeroPad4), "0000");
    for (std::size_t i = 0; i < size; ++i) {
      const auto bits = static_cast<std::uint32_t>(0x3f000000u + i * 0x010203u);
      std::memcpy(&components[i], &bits, sizeof(bits));
      absl::StrAppend(&expected, absl::Hex(bits, absl::kZeroPad8));
    }
    EXPECT_EQ(Vector(ValueView::Blob(Blob(components)), static_cast<int>(size)), expected);
    components[size - 1] = std::numeric_limits<float>::infinity();
    EXPECT_EQ(Vector(ValueView::Blob(Blob(components))), "vector_not_finite");
    components[size - 1] = 0;
    components[size / 2] = std::nanf("");
    EXPECT_EQ(Vector(ValueView::Blob(Blob(components))), "vector_not_finite");
  }
}

TEST(ToVectorTest, TellsWhatIsWrong) {
  EXPECT_EQ(Vector(ValueView::Blob("")), "vector_length");
  EXPECT_EQ(Vector(ValueView::Blob("12345")), "vector_length");
  EXPECT_EQ(Vector(ValueView::Blob(Blob({1, 2})), 3), "vector_dimension");
  EXPECT_EQ(Vector(ValueView::Blob(std::string(4 * 16'001, '\0'))), "vector_too_long");
  EXPECT_EQ(Vector(ValueView::Blob(std::string(4 * 16'000, '\0'))).substr(0, 8), "3e800000");
  EXPECT_EQ(Vector(ValueView::Integer(1)), "vector_not_blob");
  for (const char* text : {"", "[", "[1", "[1,]", "[\"1\"]", "[null]", "[[1]]", "{\"a\":1}", "1", "[1] 2", "[true]"}) {
    EXPECT_EQ(Vector(ValueView::Text(text)), "vector_not_blob") << text;
  }
  EXPECT_EQ(Vector(ValueView::Text("[]")), "vector_length");
  EXPECT_EQ(Vector(ValueView::Text("[1e39]")), "vector_not_finite");
  EXPECT_EQ(Vector(ValueView::Text("[1e999]")), "vector_not_finite");
}

TEST(ToVectorTest, ReadsJsonArrays) {
  EXPECT_EQ(Vector(ValueView::Text(" [1, -2.0, 0.1, 1e-1] "), 4), "0004 0000 3f800000 c0000000 3dcccccd 3dcccccd"_hex);
  EXPECT_EQ(Vector(ValueView::Text("[0.10000000149011612]")), "0001 0000 3dcccccd"_hex) << "a single said as a double";
  EXPECT_EQ(Vector(ValueView::Text("[0.123456789012]")), absl::StrCat("rounded ", "0001 0000 3dfcd6ea"_hex));
  EXPECT_EQ(Vector(ValueView::Text("[1e-60]")), absl::StrCat("rounded ", "0001 0000 00000000"_hex));
  EXPECT_EQ(Vector(ValueView::Text("[1e-400]")), absl::StrCat("rounded ", "0001 0000 00000000"_hex));
}

TEST(ToHalfvecTest, RoundsHalfToEven) {
  EXPECT_EQ(Half(ValueView::Blob(Blob({1, -2, 65504, 0, -0.0f}))), "0005 0000 3c00 c000 7bff 0000 8000"_hex);
  EXPECT_EQ(Half(ValueView::Blob(Blob({std::ldexp(1.0f, -24), std::ldexp(1.0f, -14)}))), "0002 0000 0001 0400"_hex);
  EXPECT_EQ(Half(ValueView::Blob(Blob({1 + std::ldexp(1.0f, -11)}))), absl::StrCat("rounded ", "0001 0000 3c00"_hex))
      << "a tie";
  EXPECT_EQ(Half(ValueView::Blob(Blob({1 + 3 * std::ldexp(1.0f, -11)}))),
            absl::StrCat("rounded ", "0001 0000 3c02"_hex))
      << "a tie";
  EXPECT_EQ(Half(ValueView::Blob(Blob({std::ldexp(1.0f, -25)}))), absl::StrCat("rounded ", "0001 0000 0000"_hex))
      << "a tie";
  EXPECT_EQ(Half(ValueView::Blob(Blob({3 * std::ldexp(1.0f, -25)}))), absl::StrCat("rounded ", "0001 0000 0002"_hex))
      << "a tie";
  EXPECT_EQ(Half(ValueView::Blob(Blob({65519.99f}))), absl::StrCat("rounded ", "0001 0000 7bff"_hex));
  EXPECT_EQ(Half(ValueView::Blob(Blob({65520}))), "vector_not_finite");
  EXPECT_EQ(Half(ValueView::Blob(Blob({std::nanf("")}))), "vector_not_finite");
  EXPECT_EQ(Half(ValueView::Text("[0.5]"), 1), "0001 0000 3800"_hex);
  EXPECT_EQ(Half(ValueView::Text("[0.5]"), 2), "vector_dimension");
}

}  // namespace
}  // namespace vecferry::convert
