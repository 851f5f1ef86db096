// A shard that is opened again while a stream of it is still here.
#include <gmock/gmock.h>

#include "tests/support/status_matchers.h"
#include "tests/support/writer_fixture.h"

namespace vecferry::writer {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::vecferry::testing::AwaitOpenCopy;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::OpenShard;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::WriterFixture;

// Its reader may have gone without a word: neither its place nor its connection may be missing then.
TEST(WriterStaleStreamTest, ALaterStreamEndsAnEarlierOneOfTheSameShard) {
  WriterFixture::Options options;
  options.writer.streams_max = 1;
  options.writer.commit_group_time = absl::InfiniteDuration();
  WriterFixture fixture(options);
  const std::uint64_t lease = fixture.Lease();
  auto [earlier, start] = OpenShard(fixture, lease);
  ASSERT_THAT(earlier->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  AwaitOpenCopy(fixture);
  auto [later, same] = OpenShard(fixture, lease);
  EXPECT_EQ(same.next_sequence, 0u);
  EXPECT_EQ(fixture.db().QueryValue("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                                    "application_name LIKE 'vecferry/%/0/%'"),
            "1");
  ASSERT_THAT(later->Send(WriterFixture::MakeBatch(same, {{2, "b"}}, true)), IsOk());
  EXPECT_THAT(later->Finish(), IsOk());
  EXPECT_THAT(earlier->Finish(), StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_THAT(fixture.Items(), ElementsAre("2|b"));
}

TEST(WriterStaleStreamTest, ALaterStreamEndsAnEarlierOneAtAStatement) {
  WriterFixture::Options options;
  options.table_sql =
      "CREATE TABLE items (id bigint, content text);"
      "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';"
      "CREATE TRIGGER wait BEFORE INSERT ON items FOR EACH ROW WHEN (NEW.id = 1) EXECUTE FUNCTION wait()";
  WriterFixture fixture(options);
  const std::uint64_t lease = fixture.Lease();
  auto [earlier, start] = OpenShard(fixture, lease);
  ASSERT_THAT(earlier->Send(WriterFixture::MakeBatch(start, {{1, "a"}}, true)), IsOk());
  AwaitOpenCopy(fixture);
  auto [later, same] = OpenShard(fixture, lease);
  ASSERT_THAT(later->Send(WriterFixture::MakeBatch(same, {{2, "b"}}, true)), IsOk());
  EXPECT_THAT(later->Finish(), IsOk());
  EXPECT_THAT(earlier->Finish(), StatusIs(absl::StatusCode::kCancelled, _));
  EXPECT_THAT(fixture.Items(), ElementsAre("2|b"));
}

// A reader that was paused, and does not know yet that its lease is another's.
TEST(WriterStaleStreamTest, AStreamUnderAnEarlierLeaseEndsNoLaterOne) {
  WriterFixture fixture({});
  const std::uint64_t stale = fixture.Lease(), lease = fixture.Lease();
  auto [stream, start] = OpenShard(fixture, lease);
  EXPECT_THAT(fixture.Open(stale)->Finish(), StatusIs(absl::StatusCode::kAborted, HasSubstr("lease epoch 2, after 1")));
  ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(start, {{1, "a"}}, true)), IsOk());
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a"));
}

}  // namespace
}  // namespace vecferry::writer
