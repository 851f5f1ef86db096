#include <limits>
#include <random>

#include "absl/strings/escaping.h"
#include "common/core/record.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/hex.h"

namespace vecferry::core {
namespace {

using testing::operator""_hex;

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

// As docs/wire_format.md writes records: header length, serial types, contents.
TEST(RecordTest, EncodesAsDocumented) {
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(42)})), "02 01 2a"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Null()})), "02 00"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(0)})), "02 08"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(1)})), "02 09"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(-1)})), "02 01 ff"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(128)})), "02 02 0080"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(1), ValueView::Integer(100'000)})), "03 09 03 0186a0"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(std::int64_t{1} << 40)})), "02 05 010000000000"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Integer(std::numeric_limits<std::int64_t>::min())})),
            "02 06 8000000000000000"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Real(1.0)})), "02 07 3ff0000000000000"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Text("ab"), ValueView::Blob("ab")})), "03 11 10 6162 6162"_hex);
  EXPECT_EQ(Hex(EncodeRecord({ValueView::Text(std::string(60, 'x'))})).substr(0, 6), "03 8105"_hex);
  EXPECT_EQ(Hex(EncodeRecord({})), "01");
}

ValueView RandomValue(std::mt19937_64& random, std::string& bytes) {
  switch (random() % 5) {
    case 0: return ValueView::Null();
    case 1: return ValueView::Integer(static_cast<std::int64_t>(random()) >> (random() % 64));
    case 2: return ValueView::Real(static_cast<double>(random()) / 7 * (random() % 2 == 0 ? -1 : 1));
    default: break;
  }
  bytes.resize(random() % (random() % 20 == 0 ? 30'000 : 70));
  for (char& byte : bytes) byte = static_cast<char>(random());
  return random() % 2 == 0 ? ValueView::Text(bytes) : ValueView::Blob(bytes);
}

bool Same(const ValueView& a, const ValueView& b) {
  return a.storage == b.storage && a.integer == b.integer && a.real == b.real && a.bytes == b.bytes;
}

TEST(RecordTest, DecodesWhatItEncoded) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> bytes(random() % (round % 100 == 0 ? 300 : 6));
    std::vector<ValueView> values;
    for (std::string& buffer : bytes) values.push_back(RandomValue(random, buffer));
    const std::string record = EncodeRecord(values);
    const auto decoded = DecodeRecord(record);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ASSERT_EQ(decoded->size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_TRUE(Same((*decoded)[i].view(), values[i])) << i;
    if (record.size() > 1) {
      EXPECT_EQ(DecodeRecord(record.substr(0, random() % record.size())).status().code(), absl::StatusCode::kDataLoss);
    }
    EXPECT_EQ(DecodeRecord(record + "x").status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(RecordTest, TellsBrokenRecordsApart) {
  for (const char* hex : {"", "00", "03", "020a", "020b", "0201", "02ff", "0281", "7f"}) {
    EXPECT_EQ(DecodeRecord(absl::HexStringToBytes(hex)).status().code(), absl::StatusCode::kDataLoss) << hex;
  }
}

TEST(Sum128Test, CarriesAndWraps) {
  Sum128 sum{0, ~std::uint64_t{0}};
  sum += {0, 1};
  EXPECT_EQ(sum, (Sum128{1, 0}));
  sum = {~std::uint64_t{0}, ~std::uint64_t{0}};
  sum += {0, 2};
  EXPECT_EQ(sum, (Sum128{0, 1}));
}

TEST(Sum128Test, BytesAreBigEndianAndReadBack) {
  const Sum128 sum{0x0102030405060708, 0x090a0b0c0d0e0f10};
  EXPECT_EQ(Hex(sum.ToBytes()), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(*Sum128::FromBytes(sum.ToBytes()), sum);
  EXPECT_EQ(Sum128::FromBytes("short").status().code(), absl::StatusCode::kDataLoss);
}

TEST(HashRowTest, TellsRowsApartThatLookAlike) {
  const std::vector<std::vector<ValueView>> rows = {
      {},
      {ValueView::Null()},
      {ValueView::Null(), ValueView::Null()},
      {ValueView::Integer(0)},
      {ValueView::Real(0.0)},
      {ValueView::Real(-0.0)},
      {ValueView::Text("")},
      {ValueView::Blob("")},
      {ValueView::Text("ab"), ValueView::Text("c")},
      {ValueView::Text("a"), ValueView::Text("bc")},
      {ValueView::Text("abc"), ValueView::Text("")},
      {ValueView::Integer(1), ValueView::Integer(2)},
      {ValueView::Integer(2), ValueView::Integer(1)},
  };
  std::vector<std::string> hashes;
  for (const auto& row : rows) hashes.push_back(HashRow(row).ToBytes());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(hashes[i], hashes[j]) << i << " " << j;
  }
}

TEST(HashRowTest, StaysTheSame) {
  // The ledger keeps sums of it: another program version must compute the same (docs/wire_format.md).
  EXPECT_EQ(Hex(HashRow({ValueView::Integer(42), ValueView::Text("ferry")}).ToBytes()),
            "04975187e40e87297718d0b980412ca1");
}

}  // namespace
}  // namespace vecferry::core
