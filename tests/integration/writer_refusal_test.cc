// Groups that Postgres refuses: the bad rows become issues, everything else is committed.
#include <gmock/gmock.h>

#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/writer_fixture.h"

namespace vecferry::writer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::Item;
using ::vecferry::testing::kMigrationId;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::WriterFixture;

WriterFixture::Options WithTable(const std::string& sql) {
  WriterFixture::Options options;
  options.table_sql = sql;
  return options;
}

TEST(WriterRefusalTest, OneBadRowCostsOneRow) {
  WriterFixture fixture(WithTable("CREATE TABLE items (id bigint, content text NOT NULL CHECK (content <> 'bad'))"));
  ASSERT_THAT(fixture.CarryAll({{1, "a"}, {2, std::nullopt, true}, {3, "c", true}, {4, "bad"}, {5, "e"}}), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "3|c", "5|e"));
  // A row that was repaired and then refused is no carried row.
  EXPECT_EQ(fixture.Counters(), "5|3|0|0|0|1|2");
  EXPECT_THAT(fixture.Issues(), ElementsAre("2|content|null_value|rejected", "4||check|rejected"));
  EXPECT_THAT(fixture.db().Query("SELECT source_table, raw_format, encode(raw, 'hex') FROM vecferry.issues WHERE "
                                 "source_rowid = 4"),
              ElementsAre("source_items|copy-tuple|0002000000080000000000000004"
                          "00000003626164"));
  EXPECT_THAT(fixture.db().QueryValue("SELECT reason FROM vecferry.issues WHERE source_rowid = 4"),
              AllOf(HasSubstr("check constraint"), HasSubstr("23514")));
}

TEST(WriterRefusalTest, TheFirstOfTwoRowsWithOneKeyStays) {
  WriterFixture fixture(WithTable("CREATE TABLE items (id bigint, content text UNIQUE)"));
  ASSERT_THAT(fixture.CarryAll({{1, "a"}, {2, "b"}, {3, "a"}, {4, "a"}}), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "2|b"));
  EXPECT_THAT(fixture.Issues(), ElementsAre("3||duplicate_key|rejected", "4||duplicate_key|rejected"));
}

TEST(WriterRefusalTest, BytesThatAreNoTextAreOneRow) {
  WriterFixture fixture({});
  ASSERT_THAT(fixture.CarryAll({{1, "a"}, {2, "\xff"}, {3, "c"}}), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "3|c"));
  EXPECT_THAT(fixture.Issues(), ElementsAre("2||invalid_text|rejected"));
}

// A trigger's error tells no line: the group is halved until the row is found.
TEST(WriterRefusalTest, FindsTheRowWhenPostgresDoesNotNameIt) {
  WriterFixture fixture(WithTable(R"sql(
    CREATE TABLE items (id bigint, content text);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT FROM added WHERE content = 'bad') THEN RAISE 'not that one'; END IF;
        RETURN NULL;
      END $$;
    CREATE TRIGGER refuse AFTER INSERT ON items REFERENCING NEW TABLE AS added EXECUTE FUNCTION refuse();
  )sql"));
  std::vector<Item> items;
  for (int id = 1; id <= 100; ++id) items.push_back({id, id == 37 || id == 38 || id == 100 ? "bad" : "good"});
  ASSERT_THAT(fixture.CarryAll(items), IsOk());
  EXPECT_EQ(fixture.Counters(), "100|97|0|0|0|0|3");
  EXPECT_THAT(fixture.Issues(), ElementsAre("37||trigger|rejected", "38||trigger|rejected", "100||trigger|rejected"));
}

TEST(WriterRefusalTest, RandomBadRowsAreExactlyTheRejectedOnes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  WriterFixture::Options options = WithTable("CREATE TABLE items (id bigint, content text NOT NULL)");
  options.writer.commit_group_bytes = 2000;
  WriterFixture fixture(options);
  std::vector<std::string> good;
  std::vector<std::string> bad;
  auto stream = fixture.Open(fixture.Lease());
  auto position = stream->NextPosition();
  ASSERT_THAT(position, IsOk());
  rpc::StreamPosition next = *position;
  std::thread taking([&stream] {
    while (stream->NextPosition().ok()) {
    }
  });
  std::int64_t id = 0;
  for (int batch = 0; batch < 40; ++batch) {
    std::vector<Item> items;
    for (unsigned row = random() % 20; row > 0; --row) {
      const bool is_bad = random() % 5 == 0;
      items.push_back({++id, is_bad ? std::nullopt : std::optional<std::string>("x")});
      (is_bad ? bad : good).push_back(std::to_string(id));
    }
    rpc::Batch made = WriterFixture::MakeBatch(next, items, batch == 39);
    next = {made.sequence + 1, made.last_key, false};
    EXPECT_THAT(stream->Send(std::move(made)), IsOk());
  }
  stream->DoneSending();
  taking.join();
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_EQ(fixture.db().Query("SELECT id FROM items ORDER BY id"), good);
  EXPECT_EQ(fixture.db().Query("SELECT source_rowid FROM vecferry.issues ORDER BY 1"), bad);
  EXPECT_EQ(fixture.Counters(), absl::StrCat(id, "|", good.size(), "|0|0|0|0|", bad.size()));
}

TEST(WriterRefusalTest, MoreRejectsThanAllowedCommitNothingOfTheGroup) {
  WriterFixture::Options options = WithTable("CREATE TABLE items (id bigint, content text NOT NULL)");
  options.rejects_max = 2;
  WriterFixture fixture(options);
  ASSERT_THAT(fixture.CarryAll({{1, "a"}, {2, std::nullopt}}, /*shard=*/0), IsOk());
  const std::vector<Item> two_more = {{3, "c"}, {4, std::nullopt}, {5, std::nullopt}};
  EXPECT_THAT(fixture.CarryAll(two_more, /*shard=*/1),
              StatusIs(absl::StatusCode::kOutOfRange, AllOf(HasSubstr("more than 2 rejected rows"),
                                                            HasSubstr("--max-rejects"), HasSubstr("source_items"))));
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
  EXPECT_EQ(fixture.Counters(), "2|1|0|0|0|0|1");
  // Resumed with a higher value.
  fixture.db().Run("UPDATE vecferry.migration SET options = '{\"rejects_max\": 3}'");
  ASSERT_THAT(fixture.CarryAll(two_more, /*shard=*/1), IsOk());
  EXPECT_EQ(fixture.Counters(), "5|2|0|0|0|0|3");
}

TEST(WriterRefusalTest, RowsThatTheReaderRejectsCountTowardsTheLimit) {
  WriterFixture::Options options;
  options.rejects_max = 0;
  WriterFixture fixture(options);
  auto stream = fixture.Open(fixture.Lease());
  const auto position = stream->NextPosition();
  ASSERT_THAT(position, IsOk());
  rpc::Batch batch = WriterFixture::MakeBatch(*position, {{1, "a"}}, true);
  ++batch.rows_read;
  ++batch.rows_rejected;
  core::RowIssue& issue = batch.issues.emplace_back();
  issue.source_table = "source_items";
  issue.source_key = R"({"rowid": 2})";
  issue.kind = "null_key";
  issue.action = core::IssueAction::kRejected;
  issue.reason = "the key is NULL";
  stream->Send(std::move(batch)).IgnoreError();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("the key is NULL")));
  EXPECT_THAT(fixture.Items(), IsEmpty());
}

TEST(WriterRefusalTest, ATriggerThatSwallowsRowsIsAnError) {
  WriterFixture fixture(WithTable(R"sql(
    CREATE TABLE items (id bigint, content text);
    CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RETURN CASE WHEN new.content = 'gone' THEN NULL ELSE new END; END $$;
    CREATE TRIGGER swallow BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION swallow();
  )sql"));
  EXPECT_THAT(fixture.CarryAll({{1, "a"}, {2, "gone"}}),
              StatusIs(absl::StatusCode::kInternal, AllOf(HasSubstr("of 2 rows"), HasSubstr("trigger"))));
  EXPECT_THAT(fixture.Items(), IsEmpty());
  EXPECT_EQ(fixture.Counters(), "0|0|0|0|0|0|0");
}

TEST(WriterRefusalTest, AMalformedTupleIsABugAndNoRow) {
  WriterFixture fixture({});
  auto stream = fixture.Open(fixture.Lease());
  const auto position = stream->NextPosition();
  ASSERT_THAT(position, IsOk());
  rpc::Batch batch = WriterFixture::MakeBatch(*position, {{1, "a"}, {2, "b"}}, true);
  batch.tuples[1] = 3;  // columns
  stream->Send(std::move(batch)).IgnoreError();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("22P04")));
  EXPECT_THAT(fixture.Issues(), IsEmpty());
  EXPECT_THAT(fixture.Items(), IsEmpty());
}

}  // namespace
}  // namespace vecferry::writer
