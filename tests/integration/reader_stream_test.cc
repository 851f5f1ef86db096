#include <gmock/gmock.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "reader-worker/position_reader.h"
#include "tests/support/reader_fixture.h"

namespace vecferry::reader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST_F(ReaderStreamTest, CarriesEveryRowOnceAndTellsTheCoordinator) {
  Run(leases_);
  EXPECT_EQ(Arrived(), Rowids(1, kRows));
  EXPECT_TRUE(writer_.position().done);
  EXPECT_THAT(leases_.completed(), ElementsAre(0));
  EXPECT_THAT(leases_.failed(), IsEmpty());
}

TEST_F(ReaderStreamTest, CountsWhatItSends) {
  Run(leases_);
  const std::string told = prometheus::TextSerializer().Serialize(options_.registry->Collect());
  for (const char* line : {"vecferry_reader_rows_total 103\n", "vecferry_reader_batches_total 11\n",
                           "vecferry_reader_issues_total 0\n", "vecferry_reader_leases 0\n"}) {
    EXPECT_THAT(told, HasSubstr(line));
  }
  EXPECT_THAT(told, Not(HasSubstr("vecferry_reader_bytes_total 0\n")));
}

TEST_F(ReaderStreamTest, BeginsWhereTheWriterSays) {
  writer_.set_position({.next_sequence = 5, .last_key = RowidRecord(60)});
  Run(leases_);
  EXPECT_EQ(Arrived(), Rowids(61, kRows));
  EXPECT_EQ(writer_.committed().front().sequence, 5u);
}

TEST_F(ReaderStreamTest, CompletesAShardThatIsDoneAlready) {
  writer_.set_position({.next_sequence = 5, .last_key = RowidRecord(kRows), .done = true});
  Run(leases_);
  EXPECT_THAT(Arrived(), IsEmpty());
  EXPECT_THAT(leases_.completed(), ElementsAre(0));
}

TEST_F(ReaderStreamTest, GoesBackToTheStoredPosition) {
  writer_.Expect({{5, absl::FailedPreconditionError("another position")}, {3, absl::FailedPreconditionError("again")}});
  Run(leases_);
  EXPECT_EQ(Arrived(), Rowids(1, kRows));
  EXPECT_EQ(writer_.opened(), 3);
  EXPECT_THAT(leases_.completed(), ElementsAre(0));
}

TEST_F(ReaderStreamTest, CarriesItsOtherShardsAfterOneThatFailed) {
  core::Plan plan = MakePlan();
  plan.shards = {{.id = 0, .upper = RowidRecord(50)}, {.id = 1, .lower = RowidRecord(50)}};
  writer_.Expect({{0, absl::InvalidArgumentError("no")}});
  FakeLeases leases(plan, {MakeLease(0), MakeLease(1)});
  Run(leases);
  EXPECT_EQ(Arrived(), Rowids(50, kRows));
  EXPECT_THAT(leases.completed(), ElementsAre(1));
  EXPECT_THAT(leases.failed(), SizeIs(1));
}

TEST_F(ReaderStreamTest, CancelsItsStreamWhenARenewalSaysThatTheLeaseIsLost) {
  FakeLeases leases(MakePlan(), {MakeLease(0, absl::Milliseconds(3))});
  leases.set_renewal(absl::AbortedError("lost"));
  // Room for one batch and no commit before the end: the reader can only wait.
  writer_.set_group_batches(0);
  options_.bytes_in_flight_max = 1;
  Run(leases);
  EXPECT_THAT(Arrived(), IsEmpty());
  EXPECT_THAT(leases.failed(), ElementsAre(StatusIs(absl::StatusCode::kAborted, HasSubstr("lease"))));
  EXPECT_EQ(leases.renewed(), 1);
}

TEST_F(ReaderStreamTest, StopsBetweenBatchesAndLeavesCommittedWhatItSent) {
  // Room for two batches and no commit before the end: the reader can only wait.
  writer_.set_group_batches(0);
  options_.bytes_in_flight_max = 12'000;
  stream_ = MakeStream(leases_, writer_);
  std::thread reader([this] { EXPECT_THAT(stream_->Run(), IsOk()); });
  writer_.AwaitBatches(2);
  stream_->Stop();
  reader.join();
  EXPECT_EQ(Arrived(), Rowids(1, 20));
  EXPECT_FALSE(writer_.position().done);
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kCancelled, HasSubstr("stop"))));
  FakeLeases again(MakePlan(), {MakeLease()});
  writer_.set_group_batches(1);
  Run(again);
  EXPECT_EQ(Arrived(), Rowids(1, kRows));
}

// Rows that arrived from a copy are known by their body.
core::Plan PlanOfASecondRow() {
  core::Plan plan = MakePlan();
  plan.mappings.push_back(plan.mappings[0]);
  plan.mappings[1].counted = false;
  plan.mappings[1].counted_by = 0;
  plan.shards[0].mapping = 1;
  return plan;
}

TEST_F(ReaderStreamTest, GoesOnFromACopyAndKeepsNoWriterOfTheStoreWaitingWhileItSends) {
  SqliteFile copied;
  copied.Run(absl::StrCat("ATTACH '", file_.path(),
                          "' AS store; CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);"
                          "INSERT INTO notes SELECT id, 'copy' FROM store.notes"));
  copied.Close();
  for (const core::Plan& plan : {MakePlan(), PlanOfASecondRow()}) {
    FakeLeases leases(plan, {MakeLease()});
    FakeWriter writer;
    writer.HoldAt(3);
    stream_ = MakeStream(leases, writer);
    std::thread reader([this] { EXPECT_THAT(stream_->Run(), IsOk()); });
    writer.AwaitHeld();
    source_->MoveTo(*sqlite::Database::Open(copied.path(), true));
    file_.Run("UPDATE notes SET body = ''");  // ends the test when it meets a lock
    writer.HoldAt(-1);
    reader.join();
    ASSERT_THAT(leases.completed(), ElementsAre(0));
    std::vector<std::string> keys, bodies;
    for (const rpc::Batch& batch : writer.committed()) {
      for (const rpc::TupleSource& source : batch.sources) keys.push_back(source.key);
      bodies.push_back(absl::StrContains(batch.tuples, "copy") ? "copy" : "store");
    }
    EXPECT_EQ(keys, Rowids(1, kRows));
    // Three were taken, the fourth was in hand.
    EXPECT_EQ(std::find(bodies.begin(), bodies.end(), "copy") - bodies.begin(), 4);
    EXPECT_THAT(bodies, SizeIs(11));
    OpenSource();
  }
}

TEST_F(ReaderStreamTest, StopsTheShardAtADamagedPageAndNamesTheTable) {
  source_.reset();
  std::fstream store(file_.path(), std::ios::in | std::ios::out | std::ios::binary);
  store.seekp(6 * 4096);
  store << std::string(4096, '\0');
  store.close();
  OpenSource();
  Run(leases_);
  EXPECT_THAT(leases_.completed(), IsEmpty());
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kDataLoss, HasSubstr("reading table notes"))));
}

TEST_F(ReaderStreamTest, EndsAShardWithoutRows) {
  core::Plan plan = MakePlan();
  plan.shards[0].lower = RowidRecord(1000);
  FakeLeases leases(plan, {MakeLease()});
  Run(leases);
  EXPECT_TRUE(writer_.position().done);
  EXPECT_EQ(writer_.position().last_key, std::nullopt);
  EXPECT_THAT(leases.completed(), ElementsAre(0));
}

TEST_F(ReaderStreamTest, CarriesEachShardByThePlanThatItsLeaseNames) {
  core::Plan plan = MakePlan();
  plan.shards = {{.id = 0, .upper = RowidRecord(50)}, {.id = 1, .lower = RowidRecord(50)}};
  core::Plan renewed = plan;
  renewed.revision = 1;
  renewed.mappings[0].duplicates = {RowidRecord(60)};
  rpc::Lease second = MakeLease(1);
  second.plan_revision = 1;
  FakeLeases leases(plan, {MakeLease(0), second});
  leases.set_renewed_plan(renewed);
  writer_.Expect({{0, absl::InvalidArgumentError("no")}});  // one shard is all that the fake writer holds
  Run(leases);
  std::vector<std::string> expected = Rowids(50, kRows);
  expected.erase(expected.begin() + 10);
  EXPECT_EQ(Arrived(), expected);
}

TEST_F(ReaderStreamTest, NamesAShardThatThePlanDoesNotHave) {
  FakeLeases leases(MakePlan(), {MakeLease(7)});
  Run(leases);
  EXPECT_EQ(writer_.opened(), 0);
  EXPECT_THAT(leases.failed(), ElementsAre(StatusIs(absl::StatusCode::kInternal, HasSubstr("no shard 7"))));
}

TEST(PositionReaderTest, LetsNoMoreBytesFlyThanItsBound) {
  FakeWriter writer;
  writer.set_group_batches(0);
  const auto stream = writer.OpenShard({});
  ASSERT_THAT(stream->NextPosition(), IsOk());
  StopFlag stop;
  PositionReader positions(*stream, 100);
  EXPECT_TRUE(positions.AwaitRoom(0, 500, stop)) << "a batch larger than the bound goes alone";
  bool waited = false;
  std::thread sender([&] { waited = !positions.AwaitRoom(1, 1, stop); });
  stream->Cancel();  // the only way on
  sender.join();
  EXPECT_TRUE(waited) << "there was no room while the first batch flew";
  positions.Join();
  stream->Finish().IgnoreError();
}

}  // namespace
}  // namespace vecferry::reader
