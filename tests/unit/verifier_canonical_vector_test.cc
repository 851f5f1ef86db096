#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

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

std::string Blob(const core::PgType& type, const std::vector<float>& floats) {
  std::string blob(floats.size() * sizeof(float), '\0');
  std::memcpy(blob.data(), floats.data(), blob.size());
  return Read(type, ValueView::Blob(blob));
}
std::string Json(const core::PgType& type, absl::string_view json) { return Read(type, ValueView::Text(json)); }

constexpr core::PgType kVector{PgKind::kVector}, kHalfvec{PgKind::kHalfvec};

TEST(ReadVectorTest, TurnsFloats) {
  EXPECT_EQ(Blob(kVector, {1, -2}), "0002 0000 3f800000 c0000000"_hex);
  EXPECT_EQ(Blob(kVector, {1, 0.5, -2}), "0003 0000 3f800000 3f000000 c0000000"_hex);
  EXPECT_EQ(Blob(kVector, {-0.0f, std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max()}),
            "0003 0000 80000000 00000001 7f7fffff"_hex);
  EXPECT_EQ(Json({PgKind::kVector, 3}, "[1, 0.5, -2]"), "0003 0000 3f800000 3f000000 c0000000"_hex);
  EXPECT_EQ(Json(kVector, "[0.1, -0]"), "0002 0000 3dcccccd 80000000"_hex);
  EXPECT_EQ(Json(kVector, "[0.10000000149011612, 5.960464477539063e-8]"), "0002 0000 3dcccccd 33800000"_hex);
  EXPECT_EQ(Json(kVector, "[1e-400]"), "rounded " + "0001 0000 00000000"_hex);
  EXPECT_EQ(Json(kVector, "[0.12345678901]"), "rounded " + "0001 0000 3dfcd6ea"_hex);
  // 1 + 2^-24 lies between two floats: to the even one.
  EXPECT_EQ(Json(kVector, "[1.000000059604644775390625]"), "rounded " + "0001 0000 3f800000"_hex);
  EXPECT_EQ(Json(kVector, "[1.000000059604644775390626]"), "rounded " + "0001 0000 3f800001"_hex);
}

TEST(ReadVectorTest, FindsWhatIsNotFiniteAtEveryPlace) {
  for (std::size_t components = 1; components <= 9; ++components) {
    for (std::size_t at = 0; at < components; ++at) {
      for (const float bad : {INFINITY, -INFINITY, NAN, -NAN}) {
        std::vector<float> floats(components, 1.5f);
        floats[at] = bad;
        EXPECT_EQ(Blob(kVector, floats), "unfit vector_not_finite") << components << " " << at;
        EXPECT_EQ(Blob(kHalfvec, floats), "unfit vector_not_finite") << components << " " << at;
      }
    }
  }
}

TEST(ReadVectorTest, NamesWhatIsWrong) {
  for (const PgKind kind : {PgKind::kVector, PgKind::kHalfvec}) {
    EXPECT_EQ(Read({kind}, ValueView::Blob("")), "unfit vector_length");
    EXPECT_EQ(Read({kind, 1}, ValueView::Blob("12345")), "unfit vector_length");
    EXPECT_EQ(Read({kind, 2}, ValueView::Blob("1234")), "unfit vector_dimension");
    EXPECT_EQ(Json({kind, 2}, "[1]"), "unfit vector_dimension");
    EXPECT_EQ(Blob({kind}, std::vector<float>(16'001)), "unfit vector_too_long");
    EXPECT_EQ(Blob({kind}, std::vector<float>(16'000)).substr(0, 8), "3e800000");
    EXPECT_EQ(Json({kind}, "[1e39]"), "unfit vector_not_finite");
    EXPECT_EQ(Json({kind}, "[]"), "unfit vector_length");
    EXPECT_EQ(Json({kind, 2}, "[1e39"), "unfit vector_not_finite");
    EXPECT_EQ(Json({kind, 2}, "[1, null, 1e39]"), "unfit vector_not_blob");
    for (const char* json : {"", "1", "[1", "[\"1\"]", "[null]", "[[1]]", "{\"a\":1}", "[1] x", "[NaN]"}) {
      EXPECT_EQ(Json({kind}, json), "unfit vector_not_blob") << json;
    }
    EXPECT_EQ(Read({kind}, ValueView::Integer(1)), "unfit vector_not_blob");
    EXPECT_EQ(Read({kind}, ValueView::Real(1)), "unfit vector_not_blob");
  }
}

TEST(ReadHalfvecTest, RoundsHalfToEven) {
  EXPECT_EQ(Blob(kHalfvec, {1, -2, 0.5, -0.0f}), "0004 0000 3c00 c000 3800 8000"_hex);
  EXPECT_EQ(Blob(kHalfvec, {65504, 0x1p-14f, 0x1p-24f}), "0003 0000 7bff 0400 0001"_hex);
  EXPECT_EQ(Blob(kHalfvec, {0.1f}), "rounded " + "0001 0000 2e66"_hex);
  EXPECT_EQ(Blob(kHalfvec, {1 + 0x1p-11f, 1 + 0x3p-11f}), "rounded " + "0002 0000 3c00 3c02"_hex);
  EXPECT_EQ(Blob(kHalfvec, {0x1p-25f, 0x3p-25f, 0x1.8p-25f}), "rounded " + "0003 0000 0000 0002 0001"_hex);
  EXPECT_EQ(Blob(kHalfvec, {0x1.ffep-15f}), "rounded " + "0001 0000 0400"_hex);
  EXPECT_EQ(Blob(kHalfvec, {65519}), "rounded " + "0001 0000 7bff"_hex);
  EXPECT_EQ(Blob(kHalfvec, {65520}), "unfit vector_not_finite");
  EXPECT_EQ(Json(kHalfvec, "[1, 0.5]"), "0002 0000 3c00 3800"_hex);
  // By way of float32, as pgvector does: 65520 there.
  EXPECT_EQ(Json(kHalfvec, "[65519.99999999999999999999]"), "unfit vector_not_finite");
  EXPECT_EQ(Json(kHalfvec, "[0.099975586]"), "0001 0000 2e66"_hex);
  EXPECT_EQ(Json(kHalfvec, "[65520]"), "unfit vector_not_finite");
  EXPECT_EQ(Json(kHalfvec, "[1.00048828125]"), "rounded " + "0001 0000 3c00"_hex);
}

}  // namespace
}  // namespace vecferry::verifier
