// A batch that does not come as it was sent.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "common/rpc/admission.h"
#include "tests/support/status_matchers.h"
#include "tests/support/writer_fixture.h"
#include "vecferry/v1/writer.grpc.pb.h"

namespace vecferry::writer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::OpenShard;
using ::vecferry::testing::WriterFixture;

TEST(WriterDamagedBatchTest, IsRefusedAndThePositionStays) {
  WriterFixture fixture({});
  const std::uint64_t lease = fixture.Lease();
  auto [first, start] = OpenShard(fixture, lease);
  ASSERT_THAT(first->Send(WriterFixture::MakeBatch(start, {{1, "a"}})), IsOk());
  ASSERT_THAT(first->NextPosition(), IsOk());

  grpc::ClientContext context;
  rpc::Introduce(context);
  const auto stub = v1::WriterService::NewStub(fixture.channel());
  const auto stream = stub->Ingest(&context);
  v1::IngestRequest request;
  request.mutable_open()->set_migration_id(vecferry::testing::kMigrationId);
  request.mutable_open()->set_lease_epoch(lease);
  request.mutable_open()->set_connection("destination");
  ASSERT_TRUE(stream->Write(request));
  v1::IngestResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.checkpoint().next_sequence(), 1u);
  v1::Batch& batch = *request.mutable_frame()->mutable_batch();
  batch.set_sequence(1);
  batch.set_tuples("other bytes");
  batch.set_tuples_xxh3(1);
  batch.add_tuple_bytes(11);
  batch.add_sources()->set_key("key");
  batch.mutable_counters()->set_rows_read(1);
  batch.set_source_sum(std::string(16, '\0'));
  ASSERT_TRUE(stream->Write(request));
  while (stream->Read(&response) && !response.closing()) {
  }
  EXPECT_TRUE(response.closing());
  stream->WritesDone();
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_THAT(status.error_message(), HasSubstr("batch 1: the tuples' checksum is"));

  auto [again, position] = OpenShard(fixture, lease);
  EXPECT_EQ(position.next_sequence, 1u);
  ASSERT_THAT(again->Send(WriterFixture::MakeBatch(position, {{2, "b"}}, true)), IsOk());
  EXPECT_THAT(again->Finish(), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|a", "2|b"));
}

}  // namespace
}  // namespace vecferry::writer
