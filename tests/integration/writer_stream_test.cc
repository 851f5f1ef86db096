// The writer's protocol over a real gRPC channel: positions, fences, refusal of what does not fit.
#include <gmock/gmock.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/postgres/ledger.h"
#include "tests/support/status_matchers.h"
#include "tests/support/writer_fixture.h"

namespace vecferry::writer {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::AwaitOpenCopy;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::Item;
using ::vecferry::testing::kMigrationId;
using ::vecferry::testing::OpenShard;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::WriterFixture;

TEST(WriterStreamTest, CommitsRowsAndPositionTogether) {
  WriterFixture fixture({});
  auto [stream, position] = OpenShard(fixture, fixture.Lease());
  EXPECT_EQ(position.next_sequence, 0u);
  EXPECT_EQ(position.last_key, std::nullopt);
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(position, {{1, "a"}, {2, std::nullopt}})), IsOk());
  const auto first = stream->NextPosition();  // by time, as the group is small
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->next_sequence, 1u);
  EXPECT_FALSE(first->done);
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "2|NULL"));
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(*first, {{3, "c", true}}, /*end=*/true)), IsOk());
  const auto last = stream->NextPosition();
  ASSERT_THAT(last, IsOk());
  EXPECT_TRUE(last->done);
  EXPECT_EQ(last->last_key, core::EncodeRecord({core::ValueView::Integer(3)}));
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "2|NULL", "3|c"));
  EXPECT_EQ(fixture.Counters(), "3|3|0|0|0|1|0");
  core::Sum128 sum;
  for (int id = 1; id <= 3; ++id) sum += core::HashRow({core::ValueView::Integer(id)});
  postgres::Connection session = fixture.db().Connect();
  const auto shards = postgres::LoadShards(session, kMigrationId);
  ASSERT_THAT(shards, IsOk());
  EXPECT_EQ((*shards)[0].checkpoint.source_sum, sum);
  EXPECT_EQ((*shards)[0].checkpoint.source_count, 3);
}

TEST(WriterStreamTest, CountsWhatItCommits) {
  WriterFixture::Options options;
  WriterFixture fixture(options);
  ASSERT_THAT(fixture.CarryAll({{1, "a"}, {2, "b"}, {3, "c"}}), IsOk());
  const std::string told = prometheus::TextSerializer().Serialize(options.writer.registry->Collect());
  for (const char* line :
       {"vecferry_writer_rows_total 3\n", "vecferry_writer_batches_total 1\n",
        "vecferry_writer_rejected_rows_total 0\n", "vecferry_writer_commit_seconds_count 1\n",
        "vecferry_writer_copy_seconds_count 1\n", "vecferry_writer_queue_bytes 0\n", "vecferry_writer_streams 0\n"}) {
    EXPECT_THAT(told, HasSubstr(line));
  }
}

TEST(WriterStreamTest, LoadsEachShardByThePlanAsItIsStoredThen) {
  WriterFixture fixture({});
  ASSERT_THAT(fixture.CarryAll({{1, "a"}}, 0), IsOk());
  fixture.db().Run("CREATE TABLE public.renamed (id bigint, content text)");
  fixture.RenewPlan([](core::Plan& plan) { plan.mappings[0].destination_table = "renamed"; });
  ASSERT_THAT(fixture.CarryAll({{2, "b"}}, 1), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
  EXPECT_THAT(fixture.db().Query("SELECT id FROM public.renamed"), ElementsAre("2"));
}

TEST(WriterStreamTest, CommitsWhatItHasWhenTheReaderStops) {
  WriterFixture fixture({});
  auto [stream, position] = OpenShard(fixture, fixture.Lease());
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(position, {{1, "a"}})), IsOk());
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
}

TEST(WriterStreamTest, GroupsManyBatchesUnderBackPressure) {
  WriterFixture::Options options;
  options.writer.commit_group_bytes = 64 << 10;
  options.writer.queue_bytes_max = options.writer.all_queues_bytes_max = 16 << 10;
  options.writer.commit_group_time = absl::InfiniteDuration();
  WriterFixture fixture(options);
  auto [stream, position] = OpenShard(fixture, fixture.Lease());
  rpc::StreamPosition next = position;
  int answers = 0;
  std::thread taking([&answers, &answering = *stream] {
    while (answering.NextPosition().ok()) ++answers;
  });
  for (int batch = 0; batch < 200; ++batch) {
    rpc::Batch made = WriterFixture::MakeBatch(
        next, {{batch * 2, std::string(4000, 'x')}, {batch * 2 + 1, std::string(4000, 'y')}}, batch == 199);
    next = {made.sequence + 1, made.last_key, false};
    EXPECT_THAT(stream->Send(std::move(made)), IsOk());
  }
  stream->DoneSending();
  taking.join();
  EXPECT_THAT(stream->Finish(), IsOk());
  // 1.6 MB in groups of 64 KiB and one batch.
  EXPECT_GT(answers, 10);
  EXPECT_LE(answers, 25);
  EXPECT_EQ(fixture.Counters(), "400|400|0|0|0|0|0");
}

TEST(WriterStreamTest, TheShardsEndNeedsNoRows) {
  WriterFixture fixture({});
  ASSERT_THAT(fixture.CarryAll({}), IsOk());
  EXPECT_EQ(fixture.db().QueryValue("SELECT done FROM vecferry.shard WHERE shard = 0"), "t");
  EXPECT_EQ(fixture.Counters(), "0|0|0|0|0|0|0");
}

TEST(WriterStreamTest, RefusesARepeatAndAGapAndTellsThePositionOnReopening) {
  WriterFixture fixture({});
  const std::uint64_t lease = fixture.Lease();
  auto [first, start] = OpenShard(fixture, lease);
  ASSERT_THAT(first->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  ASSERT_THAT(first->NextPosition(), IsOk());
  first->Send(WriterFixture::MakeBatch(start, {{1, "a"}})).IgnoreError();
  EXPECT_THAT(first->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expects batch 1, got 0")));
  auto [second, position] = OpenShard(fixture, lease);
  EXPECT_EQ(position.next_sequence, 1u);
  second->Send(WriterFixture::MakeBatch({7, position.last_key, false}, {{2, "b"}})).IgnoreError();
  EXPECT_THAT(second->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expects batch 1, got 7")));
  auto [third, same] = OpenShard(fixture, lease);
  third->Send(WriterFixture::MakeBatch({1, "another key", false}, {{2, "b"}})).IgnoreError();
  EXPECT_THAT(third->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("last key")));
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
}

TEST(WriterStreamTest, ALaterStreamFencesAnEarlierOne) {
  WriterFixture fixture({});
  auto [earlier, start] = OpenShard(fixture, fixture.Lease());
  // As another writer does, when a stream is opened there.
  fixture.db().Run("UPDATE vecferry.shard SET stream_epoch = stream_epoch + 1 WHERE shard = 0");
  ASSERT_THAT(earlier->Send(WriterFixture::MakeBatch(start, {{1, "a"}}, true)), IsOk());
  EXPECT_THAT(earlier->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("stream")));
  EXPECT_THAT(fixture.Items(), IsEmpty());
}

TEST(WriterStreamTest, ALaterLeaseEndsTheStream) {
  WriterFixture fixture({});
  const std::uint64_t lease = fixture.Lease();
  auto [stream, start] = OpenShard(fixture, lease);
  // Only the epoch: the session lives on, as one that the terminating role cannot see would.
  fixture.db().Run("UPDATE vecferry.shard SET lease_epoch = lease_epoch + 1 WHERE shard = 0");
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(start, {{1, "a"}}, true)), IsOk());
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kAborted, HasSubstr("leased with epoch 2")));
  EXPECT_THAT(fixture.Items(), IsEmpty());
  EXPECT_THAT(fixture.Open(lease)->Finish(), StatusIs(absl::StatusCode::kAborted, _));
}

TEST(WriterStreamTest, GrantingALeaseEndsTheSessionOfAStreamWithAnOpenCopy) {
  WriterFixture::Options options;
  options.writer.commit_group_time = absl::InfiniteDuration();
  WriterFixture fixture(options);
  auto [stream, start] = OpenShard(fixture, fixture.Lease());
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  AwaitOpenCopy(fixture);
  fixture.Lease();
  stream
      ->Send(WriterFixture::MakeBatch({1, core::EncodeRecord({core::ValueView::Integer(1)}), false}, {{2, "b"}}, true))
      .IgnoreError();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kUnavailable, _));
  EXPECT_THAT(fixture.Items(), IsEmpty());
}

TEST(WriterStreamTest, RefusesNumbersThatDoNotAgree) {
  WriterFixture fixture({});
  const std::uint64_t lease = fixture.Lease();
  {
    auto [stream, start] = OpenShard(fixture, lease);
    rpc::Batch batch = WriterFixture::MakeBatch(start, {{1, "a"}, {2, "b"}});
    batch.tuple_bytes.pop_back();
    stream->Send(std::move(batch)).IgnoreError();
    EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tuple_bytes add up")));
  }
  auto [stream, start] = OpenShard(fixture, lease);
  rpc::Batch batch = WriterFixture::MakeBatch(start, {{1, "a"}, {2, "b"}});
  ++batch.rows_read;
  stream->Send(std::move(batch)).IgnoreError();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 rows read")));
  EXPECT_THAT(fixture.Items(), IsEmpty());
}

TEST(WriterStreamTest, CarriesARowThatIsLargerThanAMessage) {
  WriterFixture fixture({});
  std::string huge(40 << 20, 'h');
  for (std::size_t at = 0; at < huge.size(); ++at) huge[at] = static_cast<char>('a' + at % 23);
  auto [stream, start] = OpenShard(fixture, fixture.Lease());
  rpc::Batch before = WriterFixture::MakeBatch(start, {{1, "small"}});
  const rpc::StreamPosition after_first{1, before.last_key, false};
  ASSERT_THAT(stream->Send(std::move(before)), IsOk());
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(after_first, {{2, huge}}, true)), IsOk());
  EXPECT_THAT(stream->Finish(), IsOk());
  postgres::Connection session = fixture.db().Connect();
  const auto stored = session.Execute("SELECT content FROM items WHERE id = 2");
  ASSERT_THAT(stored, IsOk());
  EXPECT_TRUE(stored->text(0, 0) == huge);
}

TEST(WriterStreamTest, TellsWhyAShardCannotBeOpened) {
  WriterFixture fixture({});
  EXPECT_THAT(fixture.Open(fixture.Lease(), 9)->Finish(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("shard 9")));
  fixture.db().Run("DROP TABLE items");
  EXPECT_THAT(fixture.CarryAll({{1, "a"}}), StatusIs(absl::StatusCode::kInternal, HasSubstr("42P01")));
}

TEST(WriterStreamTest, MoreStreamsThanAllowedAreRefusedWithNumbers) {
  WriterFixture::Options options;
  options.writer.streams_max = 1;
  WriterFixture fixture(options);
  auto [first, start] = OpenShard(fixture, fixture.Lease(0), 0);
  EXPECT_THAT(fixture.Open(fixture.Lease(1), 1)->Finish(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("1 streams of 1")));
  EXPECT_THAT(first->Finish(), IsOk());
  // Its place is free as soon as its end is told.
  EXPECT_THAT(fixture.CarryAll({{1, "a"}}, 1), IsOk());
}

TEST(WriterStreamTest, DrainingCommitsWhatIsThereAndEndsTheStream) {
  WriterFixture::Options options;
  options.writer.commit_group_time = absl::InfiniteDuration();
  WriterFixture fixture(options);
  auto [stream, start] = OpenShard(fixture, fixture.Lease());
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  AwaitOpenCopy(fixture);
  std::thread draining([&fixture] { fixture.service().Drain(absl::Now() + absl::Seconds(60)); });
  const auto committed = stream->NextPosition();
  EXPECT_THAT(committed, IsOk());
  EXPECT_EQ(committed.value_or(rpc::StreamPosition{}).next_sequence, 1u);
  draining.join();
  EXPECT_THAT(stream->Finish(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
  EXPECT_THAT(fixture.Open(1)->Finish(), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST(WriterStreamTest, DrainingDoesNotWaitForAReaderThatTakesNoAnswer) {
  WriterFixture::Options options;
  options.writer.commit_group_time = absl::ZeroDuration();
  WriterFixture fixture(options);
  auto [stream, start] = OpenShard(fixture, fixture.Lease());
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  while (fixture.Items().empty()) std::this_thread::yield();
  fixture.service().Drain(absl::Now());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
}

TEST(WriterStreamTest, AReaderThatVanishesLeavesNothingHalf) {
  WriterFixture::Options options;
  options.writer.commit_group_time = absl::InfiniteDuration();
  WriterFixture fixture(options);
  const std::uint64_t lease = fixture.Lease();
  auto [stream, start] = OpenShard(fixture, lease);
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  stream->Cancel();
  stream.reset();
  auto [again, position] = OpenShard(fixture, lease);
  const std::vector<std::string> expected =
      position.next_sequence == 0 ? std::vector<std::string>{} : std::vector<std::string>{"1|a"};
  EXPECT_EQ(fixture.Items(), expected);
}

TEST(WriterStreamTest, AnUncountedMappingMovesNoCounters) {
  WriterFixture::Options options;
  options.counted = false;
  WriterFixture fixture(options);
  ASSERT_THAT(fixture.CarryAll({{1, "a"}, {2, "b"}}), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "2|b"));
  EXPECT_EQ(fixture.Counters(), "0|0|0|0|0|0|0");
}

// But for its own rows that did not arrive: nobody else counts them.
TEST(WriterStreamTest, AnUncountedMappingCountsWhatItRejects) {
  WriterFixture::Options options;
  options.counted = false;
  options.table_sql = "CREATE TABLE items (id bigint, content text NOT NULL)";
  WriterFixture fixture(options);
  auto [stream, position] = OpenShard(fixture, fixture.Lease());
  rpc::Batch batch = WriterFixture::MakeBatch(position, {{1, "a"}, {2, std::nullopt}}, /*end=*/true);
  // The reader left out two rows: one that is rejected where it is counted, and one for this mapping's own reasons.
  batch.rows_read += 2;
  batch.rows_rejected += 2;
  core::RowIssue& issue = batch.issues.emplace_back();
  issue.source_key = R"({"rowid": 3})";
  issue.action = core::IssueAction::kRejected;
  EXPECT_THAT(stream->Send(std::move(batch)), IsOk());
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_EQ(fixture.Counters(), "0|0|0|0|0|0|2");
}

}  // namespace
}  // namespace vecferry::writer
