// The verifier's calls as a service: what it counts, and how it ends.
#include "verifier/verifier_service.h"

#include <grpcpp/grpcpp.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <thread>

#include "common/rpc/channel.h"
#include "tests/support/migration_fixture.h"
#include "tests/support/told_findings.h"

namespace vecferry::testing {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

class VerifierServiceTest : public MigrationTest {
 protected:
  ~VerifierServiceTest() override {
    if (server_ == nullptr) return;
    service_->Drain(absl::Now());
    server_->Shutdown();
  }

  void Serve(verifier::OpenSource open_source) {
    service_ = verifier::MakeVerifierService(
        std::move(open_source), [this](absl::string_view) { return database_.conninfo(); }, registry_);
    grpc::ServerBuilder builder;
    builder.RegisterService(service_->service());
    server_ = builder.BuildAndStart();
    client_ = rpc::MakeVerifierClient(server_->InProcessChannel(rpc::MakeChannelArguments()));
  }
  absl::Status Verify(const std::string& id) {
    rpc::Verification verification{id, "destination"};
    verification.options.level = core::kVerifyCounts;
    ToldFindings told;
    const absl::Status verified = client_->Verify(verification, told);
    passed_ = told.With("pass").size();
    return verified;
  }
  std::string Told() { return prometheus::TextSerializer().Serialize(registry_->Collect()); }

  const std::shared_ptr<prometheus::Registry> registry_ = telemetry::MakeRegistry();
  std::unique_ptr<verifier::VerifierService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<rpc::VerifierClient> client_;
  std::atomic<std::size_t> passed_ = 0;  // checks of the last verification
};

TEST_F(VerifierServiceTest, CountsItsChecksByVerdict) {
  WriteStore(10);
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  database_.Run("DELETE FROM mem.notes WHERE id = 5");
  Serve([this](const std::string&, const std::function<bool()>&) {
    return std::make_shared<sqlite::SnapshotConnection>(*sqlite::Database::Open(source_.path(), false));
  });
  ASSERT_THAT(Verify(report->migration_id), IsOk());
  EXPECT_THAT(Told(), HasSubstr("vecferry_verifier_checks_total{verdict=\"fail\"} 1\n"));
  EXPECT_THAT(Told(),
              HasSubstr(absl::StrCat("vecferry_verifier_checks_total{verdict=\"pass\"} ", passed_.load(), "\n")));
  EXPECT_THAT(Told(), HasSubstr("vecferry_verifier_seconds_count 1\n"));
}

TEST_F(VerifierServiceTest, DrainingLetsCallsEndAndRefusesNewOnes) {
  std::atomic<int> opened = 0;
  std::atomic<bool> go_on = false;
  Serve([&](const std::string&,
            const std::function<bool()>& stopping) -> absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> {
    if (opened++ > 0) return absl::NotFoundError("a later call");
    while (!go_on && !stopping()) std::this_thread::yield();
    return absl::InternalError(stopping() ? "was stopped" : "ended by itself");
  });
  std::thread first([this] { EXPECT_THAT(Verify("m"), StatusIs(absl::StatusCode::kInternal, "ended by itself")); });
  while (opened == 0) std::this_thread::yield();
  std::thread draining([this] { service_->Drain(absl::Now() + absl::Minutes(1)); });
  absl::Status later = Verify("m");
  while (absl::IsNotFound(later)) later = Verify("m");
  EXPECT_THAT(later, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("shutting down")));
  go_on = true;
  first.join();
  draining.join();
}

TEST_F(VerifierServiceTest, DrainingStopsCallsPastTheDeadline) {
  std::atomic<int> opened = 0;
  Serve([&](const std::string&,
            const std::function<bool()>& stopping) -> absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> {
    ++opened;
    while (!stopping()) std::this_thread::yield();
    return absl::CancelledError("stopped");
  });
  std::thread call([this] { EXPECT_THAT(Verify("m"), StatusIs(absl::StatusCode::kCancelled, _)); });
  while (opened == 0) std::this_thread::yield();
  service_->Drain(absl::Now());
  call.join();
}

}  // namespace
}  // namespace vecferry::testing
