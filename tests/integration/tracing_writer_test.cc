// What a writer tells of a stream: the call, and its first commit groups.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/otlp_collector.h"
#include "tests/support/status_matchers.h"
#include "tests/support/traced.h"
#include "tests/support/writer_fixture.h"

namespace vecferry::writer {
namespace {

using ::testing::_;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::Item;
using ::vecferry::testing::OtlpCollector;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::ToldSpan;
using ::vecferry::testing::Traced;
using ::vecferry::testing::WriterFixture;

constexpr char kIngestName[] = "vecferry.v1.WriterService/Ingest";

WriterFixture::Options MakeOptions(int spans_max) {
  WriterFixture::Options options;
  options.spans_max = spans_max;
  options.writer.commit_group_bytes = 1;  // each batch is a group
  return options;
}

// Sends each item as a batch of its own, on one stream within a span of the caller's.
absl::Status Carry(WriterFixture& fixture, const std::vector<Item>& items) {
  const telemetry::TraceScope scope(telemetry::NewTraceparent());
  const auto stream = fixture.Open(fixture.Lease());
  auto position = stream->NextPosition();
  for (std::size_t i = 0; i < items.size() && position.ok(); ++i) {
    stream->Send(WriterFixture::MakeBatch(*position, {items[i]}, i + 1 == items.size())).IgnoreError();
    position = stream->NextPosition();
  }
  return stream->Finish();
}

TEST(TracedWriterTest, TellsTheFirstCommitGroupsBelowTheCall) {
  OtlpCollector collector;
  WriterFixture fixture(MakeOptions(/*spans_max=*/2));
  Traced traced(collector.endpoint());
  ASSERT_THAT(Carry(fixture, {{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}}), IsOk());
  traced.Finish();
  const std::vector<ToldSpan> calls = collector.spans(kIngestName);
  ASSERT_THAT(calls, SizeIs(2));
  EXPECT_EQ(calls[1].kind, "SERVER");
  EXPECT_EQ(calls[1].parent_id, calls[0].span_id);
  const std::vector<ToldSpan> copies = collector.spans("COPY"), commits = collector.spans("commit");
  ASSERT_THAT(copies, SizeIs(2));
  ASSERT_THAT(commits, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_LE(copies[i].end, commits[i].begin);
    EXPECT_THAT(copies[i].attributes, Contains(Pair("db.operation.name", "COPY")));
    EXPECT_THAT(commits[i].attributes, Contains(Pair("db.operation.name", "COMMIT")));
    for (const ToldSpan& span : {copies[i], commits[i]}) {
      EXPECT_EQ(span.parent_id, calls[1].span_id);
      EXPECT_EQ(span.kind, "CLIENT");
      EXPECT_FALSE(span.failed);
      EXPECT_THAT(span.attributes, Contains(Pair("db.system.name", "postgresql")));
      EXPECT_THAT(span.attributes, Contains(Pair("db.collection.name", "items")));
      EXPECT_THAT(span.attributes,
                  Contains(Pair("db.namespace", fixture.db().QueryValue("SELECT current_database()"))));
      EXPECT_THAT(span.attributes, Contains(Pair("vecferry.rows", "1")));
      EXPECT_THAT(span.attributes, Contains(Pair("vecferry.bytes", "19")));
    }
  }
}

// A refused row costs one row: the COPY has failed, the group commits.
TEST(TracedWriterTest, MarksARefusedCopyWithItsSqlstate) {
  OtlpCollector collector;
  WriterFixture::Options options = MakeOptions(/*spans_max=*/10);
  options.table_sql = "CREATE TABLE items (id bigint CHECK (id <> 2), content text)";
  WriterFixture fixture(options);
  Traced traced(collector.endpoint());
  ASSERT_THAT(Carry(fixture, {{1, "a"}, {2, "b"}}), IsOk());
  traced.Finish();
  const std::vector<ToldSpan> copies = collector.spans("COPY"), commits = collector.spans("commit");
  ASSERT_THAT(copies, SizeIs(2));
  EXPECT_FALSE(copies[0].failed);
  EXPECT_TRUE(copies[1].failed);
  EXPECT_THAT(copies[1].attributes, Contains(Pair("db.response.status_code", "23514")));
  ASSERT_THAT(commits, SizeIs(2));
  EXPECT_FALSE(commits[1].failed);
}

TEST(TracedWriterTest, MarksTheGroupAndTheCallThatFailed) {
  OtlpCollector collector;
  WriterFixture::Options options = MakeOptions(/*spans_max=*/10);
  options.rejects_max = 0;
  options.table_sql = "CREATE TABLE items (id bigint CHECK (id <> 2), content text)";
  WriterFixture fixture(options);
  Traced traced(collector.endpoint());
  EXPECT_THAT(Carry(fixture, {{1, "a"}, {2, "b"}}), StatusIs(absl::StatusCode::kOutOfRange, _));
  traced.Finish();
  ASSERT_THAT(collector.spans(kIngestName), SizeIs(2));
  for (const ToldSpan& call : collector.spans(kIngestName)) {
    EXPECT_TRUE(call.failed);
    EXPECT_THAT(call.attributes, Contains(Pair("rpc.grpc.status_code", "11")));
  }
}

TEST(TracedWriterTest, TellsNothingToACallerWithoutTrace) {
  OtlpCollector collector;
  WriterFixture fixture(MakeOptions(/*spans_max=*/10));
  Traced traced(collector.endpoint());
  ASSERT_THAT(fixture.CarryAll({{1, "a"}}), IsOk());
  traced.Finish();
  EXPECT_THAT(collector.spans(), IsEmpty());
}

}  // namespace
}  // namespace vecferry::writer
