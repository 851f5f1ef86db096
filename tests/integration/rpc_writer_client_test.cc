#include <grpcpp/grpcpp.h>
#include <xxhash.h>

#include <thread>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/clients.h"
#include "common/rpc/status_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "vecferry/v1/writer.grpc.pb.h"

// A reader's client of the writer against a service over real gRPC, in-process as the command uses it.
namespace vecferry::rpc {
namespace {

// Puts frames together again, checks them as a writer does, and answers every batch.
class RecordingWriter final : public v1::WriterService::Service {
 public:
  grpc::Status Ingest(grpc::ServerContext*,
                      grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>* stream) override {
    v1::IngestRequest request;
    if (!stream->Read(&request) || !request.has_open()) return {grpc::StatusCode::INVALID_ARGUMENT, "not opened"};
    const bool refuse = RecordOpening(request.open());
    v1::IngestResponse response;
    response.mutable_checkpoint()->set_next_sequence(7);
    stream->Write(response);
    std::string parts;
    while (stream->Read(&request)) {
      v1::Batch batch = request.frame().batch();
      if (!request.frame().has_batch()) {
        parts += request.frame().part();
        if (request.frame().last() && !batch.ParseFromString(parts)) return {grpc::StatusCode::DATA_LOSS, "parts"};
      }
      if (!RecordFrame(request, batch)) continue;
      parts.clear();
      if (refuse) return ToGrpc(absl::FailedPreconditionError("shard 7 expects batch 41, got 43"));
      response.mutable_checkpoint()->set_next_sequence(batch.sequence() + 1);
      response.mutable_checkpoint()->set_last_key(batch.last_key());
      response.mutable_checkpoint()->set_done(batch.end_of_shard());
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  void Refuse() {
    base::MutexLock lock(&mutex_);
    refuse_ = true;
  }
  v1::OpenShard opened() {
    base::MutexLock lock(&mutex_);
    return opened_;
  }
  std::vector<v1::Batch> batches() {
    base::MutexLock lock(&mutex_);
    return batches_;
  }
  std::vector<std::size_t> frames() {
    base::MutexLock lock(&mutex_);
    return frames_;
  }

 private:
  bool RecordOpening(const v1::OpenShard& open) {
    base::MutexLock lock(&mutex_);
    opened_ = open;
    return refuse_;
  }
  // Whether the batch is complete.
  bool RecordFrame(const v1::IngestRequest& request, const v1::Batch& batch) {
    base::MutexLock lock(&mutex_);
    frames_.push_back(request.ByteSizeLong());
    const bool whole = request.frame().has_batch() || request.frame().last();
    if (whole) batches_.push_back(batch);
    return whole;
  }

  base::Mutex mutex_;
  v1::OpenShard opened_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Batch> batches_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::size_t> frames_ ABSL_GUARDED_BY(mutex_);
  bool refuse_ ABSL_GUARDED_BY(mutex_) = false;
};

class WriterClientTest : public ::testing::Test {
 protected:
  WriterClientTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&writer_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel(MakeChannelArguments());
  }

  std::unique_ptr<BatchStream> Open() { return MakeWriterClient(channel_)->OpenShard({"m", 7, 3, "c"}); }

  RecordingWriter writer_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

Batch BatchOf(std::uint64_t sequence, std::size_t bytes) {
  Batch batch;
  batch.sequence = sequence;
  batch.key_before_first = "before";
  batch.last_key = "last";
  batch.tuples.assign(bytes, 't');
  batch.tuple_bytes = {static_cast<std::uint32_t>(bytes)};
  batch.sources = {{"key", "{}", true}};
  batch.issues.resize(1);
  batch.rows_read = 2;
  batch.rows_rejected = 1;
  batch.source_sum = {1, 2};
  batch.end_of_shard = sequence == 9;
  return batch;
}

TEST_F(WriterClientTest, BatchesArriveWholeAndAreAnswered) {
  const auto stream = Open();
  // 1 MiB of tuples with keys, and a row that no message would hold. A thread of their own: nothing lies between the
  // ends of an in-process channel, so that the writer's answer waits until it is read.
  std::thread sender([&] {
    EXPECT_TRUE(stream->Send(BatchOf(8, (1 << 20) + 100'000)).ok());
    EXPECT_TRUE(stream->Send(BatchOf(9, 5 << 20)).ok());
    stream->DoneSending();
  });
  EXPECT_EQ(stream->NextPosition()->next_sequence, 7u);
  EXPECT_EQ(stream->NextPosition()->next_sequence, 9u);
  const auto last = stream->NextPosition();
  EXPECT_TRUE(last->done);
  EXPECT_EQ(last->last_key, "last");
  EXPECT_EQ(stream->NextPosition().status().code(), absl::StatusCode::kOutOfRange);
  sender.join();
  EXPECT_TRUE(stream->Finish().ok());

  EXPECT_EQ(writer_.opened().lease_epoch(), 3u);
  const auto batches = writer_.batches();
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(writer_.frames().size(), 1u + 6u) << "the second in parts of at most 1 MiB";
  for (const std::size_t bytes : writer_.frames()) EXPECT_LT(bytes, 2u << 20);
  for (const v1::Batch& batch : batches) {
    EXPECT_EQ(batch.tuples_xxh3(), XXH3_64bits(batch.tuples().data(), batch.tuples().size()));
    EXPECT_EQ(batch.tuple_bytes(0), batch.tuples().size());
    EXPECT_EQ(batch.key_before_first(), "before");
    EXPECT_EQ(batch.sources(0).key(), "key");
    EXPECT_TRUE(batch.sources(0).repaired());
    EXPECT_EQ(batch.issues_size(), 1);
    EXPECT_EQ(batch.counters().rows_read(), 2u);
    EXPECT_EQ(batch.counters().rows_rejected(), 1u);
    EXPECT_EQ(batch.source_sum(), (core::Sum128{1, 2}).ToBytes());
  }
}

TEST_F(WriterClientTest, RefusalComesWithTheWritersOwnStatus) {
  writer_.Refuse();
  const auto stream = Open();
  ASSERT_TRUE(stream->NextPosition().ok());
  ASSERT_TRUE(stream->Send(BatchOf(8, 10)).ok());
  EXPECT_EQ(stream->NextPosition().status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(stream->Finish(), absl::FailedPreconditionError("shard 7 expects batch 41, got 43"));
}

TEST_F(WriterClientTest, DestroyedStreamIsCancelled) {
  {
    const auto stream = Open();
    ASSERT_TRUE(stream->NextPosition().ok());
  }
  server_->Shutdown();  // would wait for the call for ever
}

TEST_F(WriterClientTest, CancelWakesTheOneWhoReads) {
  const auto stream = Open();
  ASSERT_TRUE(stream->NextPosition().ok());
  std::thread canceller([&] { stream->Cancel(); });
  EXPECT_EQ(stream->NextPosition().status().code(), absl::StatusCode::kOutOfRange);
  canceller.join();
  EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace vecferry::rpc
