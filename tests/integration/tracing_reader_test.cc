// What a reader tells of a lease, and that it keeps to the lease's bounds.
#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "reader-worker/reader.h"
#include "tests/support/fake_writer.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/traced.h"

namespace vecferry::reader {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::vecferry::testing::FakeLeases;
using ::vecferry::testing::FakeWriter;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::OtlpCollector;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::ToldSpan;
using ::vecferry::testing::Traced;

constexpr int kRows = 103, kBatchRows = 10, kSpansMax = 3;
constexpr char kMigration[] = "11111111-2222-3333-4444-555555555555";
constexpr char kLease[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

core::Plan MakePlan() {
  core::Plan plan;
  core::Mapping mapping;
  mapping.source_table = "notes";
  mapping.destination_table = "notes_there";
  mapping.from_sql = "notes AS t";
  mapping.key.expressions = {"t.rowid"};
  mapping.inputs = {{"t.id", "id"}};
  mapping.columns = {{.name = "id", .type = {core::PgKind::kInt8}, .input = 0, .not_null = true}};
  mapping.conflict_key = {"id"};
  plan.mappings = {mapping};
  plan.shards = {{.id = 0}};
  return plan;
}

class TracedReaderTest : public ::testing::Test {
 protected:
  TracedReaderTest() {
    file_.Run(
        absl::StrCat("CREATE TABLE notes(id INTEGER PRIMARY KEY); WITH RECURSIVE n(i) AS "
                     "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
                     kRows, ") INSERT INTO notes SELECT i FROM n"));
    file_.Close();
    lease_.migration_id = kMigration;
    lease_.epoch = 4;
    lease_.duration = absl::Minutes(10);
    lease_.batch_rows_max = kBatchRows;
    lease_.traceparent = kLease;
    lease_.spans_max = kSpansMax;
  }

  // Carries the lease; `traced` tells whether this process traces.
  void Carry(bool traced = true) {
    const auto tracing = traced ? std::make_unique<Traced>(collector_.endpoint()) : nullptr;
    absl::StatusOr<sqlite::Database> database = sqlite::Database::Open(file_.path(), false);
    ASSERT_THAT(database, IsOk());
    sqlite::SnapshotConnection source(*std::move(database));
    const std::shared_ptr<sqlite::SnapshotConnection> not_owned(std::shared_ptr<void>(), &source);
    const std::shared_ptr<rpc::WriterClient> writer(std::shared_ptr<void>(), &writer_);
    FakeLeases leases(MakePlan(), {lease_});
    EXPECT_THAT(MakeReaderStream(
                    options_, [&](const std::string&, const std::function<bool()>&) { return not_owned; }, leases,
                    [&](const std::string&) { return writer; })
                    ->Run(),
                IsOk());
  }

  SqliteFile file_;
  OtlpCollector collector_;
  rpc::Lease lease_;
  ReaderOptions options_;
  FakeWriter writer_;
};

TEST_F(TracedReaderTest, TellsTheShardAndItsFirstBatches) {
  Carry();
  const std::vector<ToldSpan> shards = collector_.spans("shard");
  ASSERT_THAT(shards, SizeIs(1));
  EXPECT_EQ(shards[0].trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(shards[0].parent_id, "b7ad6b7169203331");
  EXPECT_FALSE(shards[0].failed);
  EXPECT_THAT(shards[0].attributes,
              ElementsAre(Pair("vecferry.lease.epoch", "4"), Pair("vecferry.migration.id", kMigration),
                          Pair("vecferry.shard.id", "0"), Pair("vecferry.table", "notes")));
  const std::vector<ToldSpan> batches = collector_.spans("batch");
  ASSERT_THAT(batches, SizeIs(kSpansMax));
  const std::vector<ToldSpan> reads = collector_.spans("read"), converts = collector_.spans("convert");
  ASSERT_THAT(reads, SizeIs(kSpansMax));
  ASSERT_THAT(converts, SizeIs(kSpansMax));
  for (std::size_t i = 0; i < batches.size(); ++i) {
    EXPECT_EQ(batches[i].parent_id, shards[0].span_id);
    EXPECT_THAT(batches[i].attributes, Contains(Pair("vecferry.batch.sequence", absl::StrCat(i))));
    EXPECT_THAT(batches[i].attributes, Contains(Pair("vecferry.rows", absl::StrCat(kBatchRows))));
    EXPECT_THAT(batches[i].attributes, Contains(Key("vecferry.bytes")));
    EXPECT_EQ(reads[i].parent_id, batches[i].span_id);
    EXPECT_EQ(converts[i].parent_id, batches[i].span_id);
    EXPECT_EQ(reads[i].begin, batches[i].begin);
    EXPECT_GT(reads[i].end, reads[i].begin);
    EXPECT_EQ(converts[i].begin, reads[i].end);
    EXPECT_LE(converts[i].end, batches[i].end);
  }
  // The shard is current where the writer is called.
  ASSERT_THAT(writer_.openings(), SizeIs(1));
  EXPECT_EQ(writer_.openings()[0].second.substr(36, 16), shards[0].span_id);
  EXPECT_EQ(writer_.openings()[0].first.spans_max, kSpansMax);
}

TEST_F(TracedReaderTest, KeepsToTheBoundsOverManyStreams) {
  lease_.spans_max = 5;
  const absl::Status moved = absl::FailedPreconditionError("another position");
  writer_.Expect({{2, moved}, {-1, absl::UnavailableError("away")}, {2, moved}, {2, moved}, {2, moved}});
  Carry();
  const auto openings = writer_.openings();
  ASSERT_THAT(openings, SizeIs(6));
  std::vector<int> spans_max;
  int told = 0;
  for (const auto& [shard, traceparent] : openings) {
    spans_max.push_back(shard.spans_max);
    told += traceparent.empty() ? 0 : 1;
  }
  EXPECT_EQ(told, rpc::kStreamsToldMax);
  // What is left after the batches of the streams before.
  EXPECT_EQ(spans_max[0], 5);
  for (std::size_t i = 1; i < spans_max.size(); ++i) EXPECT_LE(spans_max[i], spans_max[i - 1]);
  EXPECT_EQ(spans_max.back(), 0);
  EXPECT_THAT(collector_.spans("batch"), SizeIs(5));
  EXPECT_LE(static_cast<int>(collector_.spans().size()), rpc::SpansOfLease(5));
}

TEST_F(TracedReaderTest, TellsOfAShardThatFailed) {
  options_.retry_max = absl::ZeroDuration();
  writer_.Expect({{-1, absl::UnavailableError("away")}});
  Carry();
  const std::vector<ToldSpan> spans = collector_.spans();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_TRUE(spans[0].failed);
  EXPECT_EQ(spans[0].why_failed, "away");
  EXPECT_THAT(spans[0].attributes, Contains(Pair("error.type", "UNAVAILABLE")));
}

TEST_F(TracedReaderTest, TellsNothingOfALeaseWithoutTrace) {
  lease_.traceparent = "";
  Carry();
  EXPECT_THAT(collector_.spans(), IsEmpty());
  EXPECT_EQ(writer_.openings()[0].second, "");
}

TEST_F(TracedReaderTest, PassesTheTraceOnWhenItDoesNotTraceItself) {
  Carry(/*traced=*/false);
  EXPECT_THAT(collector_.spans(), IsEmpty());
  EXPECT_EQ(writer_.openings()[0].second, kLease);
}

}  // namespace
}  // namespace vecferry::reader
