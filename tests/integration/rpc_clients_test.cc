#include <grpcpp/grpcpp.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "common/rpc/clients.h"
#include "common/rpc/plan_codec.h"
#include "common/rpc/status_codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/told_findings.h"
#include "vecferry/v1/coordinator.grpc.pb.h"
#include "vecferry/v1/verifier.grpc.pb.h"

// The clients of coordinator and verifier against services over real gRPC, in-process as the command uses it.
namespace vecferry::rpc {
namespace {

using ::testing::ElementsAre;

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
      response.mutable_check()->set_name("counts");
      response.mutable_check()->set_table(table);
      response.mutable_check()->set_verdict("pass");
      response.mutable_check()->set_evidence("SELECT");
      writer->Write(response);
    }
    return ToGrpc(absl::UnavailableError("the destination went away"));
  }
};

class ClientsTest : public ::testing::Test {
 protected:
  ClientsTest() {
    grpc::ServerBuilder builder;
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{&leases_, &migrations_, &verifier_}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel(MakeChannelArguments());
  }

  ScriptedLeases leases_;
  ScriptedMigrations migrations_;
  ScriptedVerifier verifier_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

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
  StartOptions options{{}, "c", 5, 2, 3, 100, 7, true, true, "sample", "fail", true};
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
  testing::ToldFindings told;
  EXPECT_EQ(MakeVerifierClient(channel_)->Verify({"m", "c"}, told),
            absl::UnavailableError("the destination went away"));
  EXPECT_THAT(told.With("pass"), ElementsAre("counts a", "counts b"));
}

}  // namespace
}  // namespace vecferry::rpc
