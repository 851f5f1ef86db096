#include <gmock/gmock.h>
#include <xxhash.h>

#include <string>

#include "common/load/load_sql.h"
#include "common/postgres/row_error.h"
#include "tests/support/status_matchers.h"
#include "writer-worker/received_batch.h"
#include "writer-worker/row_refusal.h"

namespace vecferry::writer {
namespace {

using ::testing::HasSubstr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;

v1::Batch MakeBatch(const std::string& tuples) {
  v1::Batch batch;
  batch.set_sequence(3);
  batch.set_tuples(tuples);
  batch.set_tuples_xxh3(XXH3_64bits(tuples.data(), tuples.size()));
  batch.add_tuple_bytes(static_cast<std::uint32_t>(tuples.size()));
  batch.add_sources()->set_key("key");
  batch.mutable_counters()->set_rows_read(1);
  batch.set_source_sum(std::string(16, '\0'));
  batch.set_last_key("key");
  return batch;
}

TEST(TakeBatchTest, TakesABatchWhoseNumbersAgree) {
  const auto batch = TakeBatch(MakeBatch("tuple"));
  ASSERT_THAT(batch, IsOk());
  EXPECT_EQ(batch->sequence, 3u);
  EXPECT_EQ(batch->tuples, "tuple");
  EXPECT_EQ(batch->key_before_first, std::nullopt);
  EXPECT_EQ(batch->last_key, "key");
}

TEST(TakeBatchTest, RefusesBytesThatChangedOnTheWay) {
  v1::Batch batch = MakeBatch("tuple");
  (*batch.mutable_tuples())[2] ^= 1;
  EXPECT_THAT(TakeBatch(std::move(batch)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("batch 3")));
}

TEST(TakeBatchTest, RefusesNumbersThatDoNotAgree) {
  v1::Batch lengths = MakeBatch("tuple");
  lengths.set_tuple_bytes(0, 4);
  EXPECT_THAT(TakeBatch(std::move(lengths)), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("add up to 4")));
  v1::Batch sources = MakeBatch("tuple");
  sources.add_sources();
  EXPECT_THAT(TakeBatch(std::move(sources)), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 source keys")));
  v1::Batch rows = MakeBatch("tuple");
  rows.mutable_counters()->set_rows_rejected(1);
  EXPECT_THAT(TakeBatch(std::move(rows)), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 rows read")));
}

v1::BatchFrame Part(const std::string& bytes, bool last) {
  v1::BatchFrame frame;
  frame.set_part(bytes);
  frame.set_last(last);
  return frame;
}

TEST(FrameAssemblerTest, JoinsTheBatchFromItsParts) {
  const std::string whole = MakeBatch("tuple").SerializeAsString();
  FrameAssembler frames;
  for (int round = 0; round < 2; ++round) {
    const auto none = frames.Take(Part(whole.substr(0, 10), false));
    ASSERT_THAT(none, IsOk());
    EXPECT_FALSE(none->has_value());
    const auto batch = frames.Take(Part(whole.substr(10), true));
    ASSERT_THAT(batch, IsOk());
    ASSERT_TRUE(batch->has_value());
    EXPECT_EQ((*batch)->tuples, "tuple");
  }
}

TEST(FrameAssemblerTest, RefusesABatchAmongTheParts) {
  FrameAssembler frames;
  ASSERT_THAT(frames.Take(Part("x", false)), IsOk());
  v1::BatchFrame frame;
  *frame.mutable_batch() = MakeBatch("tuple");
  EXPECT_THAT(frames.Take(std::move(frame)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("among the parts")));
}

TEST(FrameAssemblerTest, RefusesPartsThatMakeNoBatch) {
  FrameAssembler frames;
  EXPECT_THAT(frames.Take(Part("\xff\xff", true)), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("parts")));
}

TEST(RowRefusalTest, NamesTheKindOfARefusal) {
  EXPECT_EQ(postgres::KindOf("23505"), "duplicate_key");
  EXPECT_EQ(postgres::KindOf("23502"), "null_value");
  EXPECT_EQ(postgres::KindOf("23503"), "foreign_key");
  EXPECT_EQ(postgres::KindOf("23000"), "constraint");
  EXPECT_EQ(postgres::KindOf("22P02"), "invalid_value");
  EXPECT_EQ(postgres::KindOf("54000"), "too_long");
  EXPECT_EQ(postgres::KindOf("21000"), "refused");
}

TEST(RowRefusalTest, OnlyPostgresRefusesRows) {
  EXPECT_FALSE(postgres::IsRowError(absl::OkStatus()));
  EXPECT_FALSE(postgres::IsRowError(absl::AlreadyExistsError("ours")));
}

TEST(RowRefusalTest, ARowWithoutAReportedKeyIsToldByItsRowid) {
  core::Mapping mapping;
  mapping.source_table = "notes";
  const rpc::TupleSource source{core::EncodeRecord({core::ValueView::Integer(7)}), "", false};
  const core::RowIssue issue = MakeConflict(mapping, source, "\"a\"");
  EXPECT_EQ(issue.source_key, R"({"rowid": 7})");
  EXPECT_EQ(issue.source_rowid, 7);
  const rpc::TupleSource named{source.key, R"({"id": "x"})", false};
  EXPECT_EQ(MakeConflict(mapping, named, "\"a\"").source_key, R"({"id": "x"})");
  mapping.key.is_rowid = false;
  EXPECT_EQ(MakeConflict(mapping, named, "\"a\"").source_rowid, std::nullopt);
}

TEST(LoadSqlTest, QuotesEveryName) {
  core::Mapping mapping;
  mapping.destination_table = "t\"x";
  mapping.columns.resize(1);
  mapping.columns[0].name = "a b";
  EXPECT_EQ(load::CopyFreshSql("s;", mapping), R"(COPY "s;"."t""x" ("a b") FROM STDIN (FORMAT binary))");
}

}  // namespace
}  // namespace vecferry::writer
