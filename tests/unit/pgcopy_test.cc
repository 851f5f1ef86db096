#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/pgcopy/tuple.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/hex.h"

namespace vecferry::pgcopy {
namespace {

using testing::operator""_hex;
using ::testing::ElementsAre;
using ::testing::Optional;

TEST(TupleTest, EncodesARowAsDocumented) {
  std::string out;
  TupleWriter row(out);
  row.BeginTuple(3);
  row.BeginField();
  row.buffer() += absl::HexStringToBytes("0000000000000102");
  row.EndField();
  row.Null();
  row.BeginField();
  row.EndField();
  EXPECT_EQ(absl::BytesToHexString(out), "0003 00000008 0000000000000102 ffffffff 00000000"_hex);
}

TEST(TupleTest, FileBeginsAndEndsAsDocumented) {
  EXPECT_EQ(absl::BytesToHexString(FileHeader()), "5047434f50590aff0d0a00 00000000 00000000"_hex);
  EXPECT_EQ(absl::BytesToHexString(FileTrailer()), "ffff");
}

TEST(TupleTest, AbandonedFieldLeavesNothing) {
  std::string out = "before";
  TupleWriter row(out);
  row.BeginTuple(1);
  const std::string begun = out;
  row.BeginField();
  row.buffer() += "half a val";
  row.AbandonField();
  EXPECT_EQ(out, begun);
  row.BeginField();
  row.buffer() += "x";
  row.EndField();
  EXPECT_EQ(out, absl::StrCat(begun, absl::HexStringToBytes("0000000178")));
}

TEST(TupleTest, ReadsBackWhatWasWritten) {
  const std::string large(70'000, 'v');
  std::string out;
  TupleWriter row(out);
  row.BeginTuple(300);
  for (int i = 0; i < 100; ++i) {
    row.BeginField();
    row.buffer() += large;
    row.EndField();
    row.Null();
    row.BeginField();
    row.EndField();
  }
  const auto fields = ReadTuple(out);
  ASSERT_TRUE(fields.ok()) << fields.status();
  ASSERT_EQ(fields->size(), 300u);
  EXPECT_THAT((*fields)[297], Optional(absl::string_view(large)));
  EXPECT_EQ((*fields)[298], std::nullopt);
  EXPECT_THAT((*fields)[299], Optional(absl::string_view("")));
}

TEST(TupleTest, RefusesWhatIsNotOneTuple) {
  const std::string good = absl::HexStringToBytes("0002 0000000261 62 ffffffff"_hex);
  ASSERT_TRUE(ReadTuple(good).ok());
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(ReadTuple(absl::string_view(good).substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_FALSE(ReadTuple(good + "x").ok());
  EXPECT_FALSE(ReadTuple(FileTrailer()).ok());
  EXPECT_FALSE(ReadTuple(absl::HexStringToBytes("0001 fffffffe"_hex)).ok()) << "a length below -1";
}

}  // namespace
}  // namespace vecferry::pgcopy
