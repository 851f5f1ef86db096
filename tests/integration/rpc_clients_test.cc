#include <grpcpp/grpcpp.h>
#include <xxhash.h>

#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/rpc/channel.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "vecferry/v1/coordinator.grpc.pb.h"
#include "vecferry/v1/verifier.grpc.pb.h"
#include "vecferry/v1/writer.grpc.pb.h"

// The clients against services over real gRPC, in-process as the command uses it.
namespace vecferry::rpc {
namespace {

using ::testing::ElementsAre;

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

class ScriptedLeases final : public v1::LeaseService::Service {
 public:
  grpc::Status Acquire(grpc::ServerContext*, const v1::AcquireRequest* request,
                       v1::AcquireResponse* response) override {
    if (request->worker() == "late") {
      response->set_finished(true);
      response->set_retry_after_ms(250);
      return grpc::Status::OK;
    }
    v1::Lease& lease = *response->mutable_lease();
    lease.set_migration_id("m");
    lease.set_shard(4);
    lease.set_epoch(9);
    lease.set_duration_ms(30'000);
    lease.set_connection("c");
    lease.set_batch_rows_max(100);
    lease.set_plan_revision(2);
    return grpc::Status::OK;
  }
  grpc::Status Renew(grpc::ServerContext*, const v1::LeaseRef* lease, v1::RenewResponse*) override {
    return ToGrpc(absl::AbortedError(absl::StrCat("shard ", lease->shard(), " is leased to another")));
  }
  grpc::Status Fail(grpc::ServerContext*, const v1::FailRequest* request, v1::RenewResponse*) override {
    return {static_cast<grpc::StatusCode>(request->code()), request->message()};
  }
  grpc::Status GetPlan(grpc::ServerContext*, const v1::GetPlanRequest*, v1::Plan* plan) override {
    core::Plan large;
    large.notes = {std::string(20 << 20, 'n')};  // five times gRPC's default bound
    *plan = ToProto(large);
    return grpc::Status::OK;
  }
};

class ScriptedMigrations final : public v1::MigrationService::Service {
 public:
  grpc::Status Watch(grpc::ServerContext*, const v1::GetRequest* request,
                     grpc::ServerWriter<v1::Migration>* writer) override {
    if (request->migration_id() == "none") return ToGrpc(absl::NotFoundError("no migration none"));
    core::Report report;
    for (const core::State state : {core::State::kCopying, core::State::kFinishing, core::State::kVerified}) {
      report.state = state;
      if (!writer->Write(ToProto(report))) return grpc::Status::CANCELLED;
    }
    return grpc::Status::OK;
  }
  grpc::Status Start(grpc::ServerContext*, const v1::StartRequest* request, v1::StartResponse* response) override {
    response->set_migration_id(absl::BytesToHexString(request->SerializeAsString()));
    response->set_resumed(true);
    return grpc::Status::OK;
  }
};

class ScriptedVerifier final : public v1::VerifierService::Service {
 public:
  grpc::Status Verify(grpc::ServerContext*, const v1::VerifyRequest*,
                      grpc::ServerWriter<v1::VerifyResponse>* writer) override {
    for (const char* table : {"a", "b"}) {
      v1::VerifyResponse response;
      response.mutable_check()->set_table(table);
      writer->Write(response);
    }
    return ToGrpc(absl::UnavailableError("the destination went away"));
  }
};

class ClientsTest : public ::testing::Test {
 protected:
  ClientsTest() {
    grpc::ServerBuilder builder;
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{&writer_, &leases_, &migrations_, &verifier_}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel(MakeChannelArguments());
  }

  std::unique_ptr<BatchStream> Open() { return MakeWriterClient(channel_)->OpenShard("m", 7, 3, "c"); }

  RecordingWriter writer_;
  ScriptedLeases leases_;
  ScriptedMigrations migrations_;
  ScriptedVerifier verifier_;
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

TEST_F(ClientsTest, BatchesArriveWholeAndAreAnswered) {
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

TEST_F(ClientsTest, RefusalComesWithTheWritersOwnStatus) {
  writer_.Refuse();
  const auto stream = Open();
  ASSERT_TRUE(stream->NextPosition().ok());
  ASSERT_TRUE(stream->Send(BatchOf(8, 10)).ok());
  EXPECT_EQ(stream->NextPosition().status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(stream->Finish(), absl::FailedPreconditionError("shard 7 expects batch 41, got 43"));
}

TEST_F(ClientsTest, DestroyedStreamIsCancelled) {
  {
    const auto stream = Open();
    ASSERT_TRUE(stream->NextPosition().ok());
  }
  server_->Shutdown();  // would wait for the call for ever
}

TEST_F(ClientsTest, CancelWakesTheOneWhoReads) {
  const auto stream = Open();
  ASSERT_TRUE(stream->NextPosition().ok());
  std::thread canceller([&] { stream->Cancel(); });
  EXPECT_EQ(stream->NextPosition().status().code(), absl::StatusCode::kOutOfRange);
  canceller.join();
  EXPECT_EQ(stream->Finish().code(), absl::StatusCode::kCancelled);
}

TEST_F(ClientsTest, LeasesAreReadWithTheirUnits) {
  const auto client = MakeLeaseClient(channel_);
  const auto acquired = client->Acquire("reader-1");
  ASSERT_TRUE(acquired.ok() && acquired->lease.has_value());
  EXPECT_EQ(acquired->lease->duration, absl::Seconds(30));
  EXPECT_EQ(acquired->lease->epoch, 9u);
  EXPECT_EQ(acquired->lease->batch_rows_max, 100);
  EXPECT_EQ(acquired->lease->plan_revision, 2);
  EXPECT_EQ(client->Renew(*acquired->lease), absl::AbortedError("shard 4 is leased to another"));
  EXPECT_EQ(client->Fail(*acquired->lease, absl::DataLossError("page 5")), absl::DataLossError("page 5"));
  EXPECT_EQ(client->Complete(*acquired->lease).code(), absl::StatusCode::kUnimplemented);
  const auto late = client->Acquire("late");
  EXPECT_TRUE(late->finished && !late->lease);
  EXPECT_EQ(late->retry_after, absl::Milliseconds(250));
}

TEST_F(ClientsTest, PlansMayBeLargerThanMessagesOfRows) {
  const auto plan = MakeLeaseClient(channel_)->GetPlan("m");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->notes.at(0).size(), std::size_t{20} << 20);
}

TEST_F(ClientsTest, WatchTellsEachStateAndReturnsTheLast) {
  const auto client = MakeMigrationClient(channel_);
  std::vector<core::State> seen;
  const auto last = client->Watch("m", "c", [&](const core::Report& report) {
    seen.push_back(report.state);
    return true;
  });
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(last->state, core::State::kVerified);
  EXPECT_THAT(seen, ElementsAre(core::State::kCopying, core::State::kFinishing, core::State::kVerified));
  EXPECT_EQ(client->Watch("none", "c", [](const core::Report&) { return true; }).status(),
            absl::NotFoundError("no migration none"));
  EXPECT_EQ(client->Watch("m", "c", [](const core::Report&) { return false; }).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(ClientsTest, StartSendsEveryOption) {
  StartOptions options{{}, "c", 5, 2, 3, 100, 7, true, true, "fail"};
  options.identity.source_path = "/s";
  const auto started = MakeMigrationClient(channel_)->Start(options);
  ASSERT_TRUE(started.ok()) << started.status();
  v1::StartRequest request;
  ASSERT_TRUE(request.ParseFromString(absl::HexStringToBytes(started->migration_id)));
  for (int i = 0; i < request.GetDescriptor()->field_count(); ++i) {
    const auto* field = request.GetDescriptor()->field(i);
    EXPECT_TRUE(request.GetReflection()->HasField(request, field)) << field->full_name();
  }
  EXPECT_TRUE(started->resumed);
}

TEST_F(ClientsTest, ChecksAreToldBeforeTheError) {
  std::vector<std::string> tables;
  const absl::Status status = MakeVerifierClient(channel_)->Verify(
      "m", "c", "counts", [&](const core::CheckReport& check) { tables.push_back(check.table); });
  EXPECT_EQ(status, absl::UnavailableError("the destination went away"));
  EXPECT_THAT(tables, ElementsAre("a", "b"));
}

}  // namespace
}  // namespace vecferry::rpc
