// Several coordinators that are services and one migration: who is answered what, and what stays in the ledger.
#include "common/core/waiting_step.h"
#include "coordinator/ledger_moves.h"
#include "tests/support/service_fixture.h"

namespace vecferry::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(ServiceTest, AnEndStaysWhereAHaltComesTooLate) {
  const std::string id = Leave(10);
  database_.Run("UPDATE vecferry.migration SET state = 'VERIFIED'");
  postgres::Connection session = database_.Connect();
  EXPECT_THAT(HaltMigration(session, id, core::State::kCancelled),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("ended a moment ago")));
  EXPECT_EQ(State(), "VERIFIED 1");
}

TEST_F(ServiceTest, TablesStayWhereAnEndComesBeforeTheDrop) {
  const std::string id = Leave(10);
  const std::string lock = absl::StrCat("(hashtextextended('vecferry/migration/", id, "', 0))");
  database_.Run(absl::StrCat("SELECT pg_advisory_lock", lock));
  const auto service = Serve();
  absl::Status dropped;
  std::thread drop([&] { dropped = service->migrations().Cancel(id, kListed, /*drop=*/true).status(); });
  AwaitState("CANCELLED 2");
  database_.Run("UPDATE vecferry.migration SET state = 'VERIFIED'");
  database_.Run(absl::StrCat("SELECT pg_advisory_unlock", lock));
  drop.join();
  EXPECT_THAT(dropped, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("nothing to drop")));
  EXPECT_THAT(Query("SELECT 1 FROM pg_class WHERE oid = 'mem.notes'::regclass"), SizeIs(1));
}

TEST_F(ServiceTest, AWatchEndsWhereNobodyDrivesAndSaysThatItWaitsForACoordinator) {
  const std::string id = Leave(600);
  std::vector<core::Report> reports;
  EXPECT_THAT(Serve()->migrations().Watch(id, kListed,
                                          [&](const core::Report& report) {
                                            reports.push_back(report);
                                            return true;
                                          }),
              IsOk());
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].state, core::State::kCopying);
  EXPECT_EQ(reports[0].step, core::kWaitingForCoordinator);
}

// A holder of the migration's lock that shows no sign of life yet.
class HeldTest : public ServiceTest {
 protected:
  void Hold(const std::string& id) {
    database_.Run(absl::StrCat("SELECT pg_advisory_lock(hashtextextended('vecferry/migration/", id, "', 0))"));
  }
};

TEST_F(HeldTest, AStartDoesNotSayThatAPausedMigrationRunsWhichAnotherStillHolds) {
  const std::string id = Leave(10);
  ASSERT_THAT(Serve()->migrations().Pause(id, kListed), IsOk());
  Hold(id);
  EXPECT_THAT(Serve()->migrations().Start(Request()),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("is driven by process")));
  EXPECT_THAT(State(), HasSubstr("PAUSED"));
}

TEST_F(HeldTest, AStartSaysThatAnotherDrivesWhatRuns) {
  const std::string id = Leave(10);
  Hold(id);
  const absl::StatusOr<rpc::Started> started = Serve()->migrations().Start(Request());
  ASSERT_THAT(started, IsOk());
  EXPECT_EQ(started->migration_id, id);
  EXPECT_TRUE(started->resumed);
}

TEST_F(ServiceTest, ChecksAreWrittenByWhoDrivesAlone) {
  const std::string id = Leave(10);
  postgres::Connection session = database_.Connect();
  StoredFindings findings(
      id, [&](const StoredFindings::Writing& write) { return write(session, 1); }, [](absl::string_view) {});
  ASSERT_THAT(BeginChecks(session, id, 1, "counts"), IsOk());
  ASSERT_THAT(findings.Tell(core::CheckReport{"counts", "notes", "fail"}), IsOk());
  ASSERT_THAT(findings.TellStep("the next step"), IsOk());
  EXPECT_TRUE(findings.different());
  database_.Run("UPDATE vecferry.migration SET coordinator_epoch = 2");
  ASSERT_THAT(findings.Tell(core::CheckReport{"counts", "notes", "pass"}), IsOk());
  EXPECT_THAT(findings.Finish(), StatusIs(absl::StatusCode::kAborted, HasSubstr("no longer driven")));
  EXPECT_THAT(BeginChecks(session, id, 1, "counts"),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("no longer driven")));
  EXPECT_EQ(database_.QueryValue("SELECT verdict FROM vecferry.check_result"), "fail");
}

// ---- leases ----

class LeaseTest : public ServiceTest {
 protected:
  void Start(int attempts_max = 5) {
    service_ = std::make_unique<ServiceCoordinator>(database_.conninfo(), scratch_, attempts_max);
    const absl::StatusOr<rpc::Started> started = service_->migrations().Start(Request());
    ASSERT_THAT(started, IsOk());
    id_ = started->migration_id;
  }
  rpc::Lease Acquire() {
    while (true) {
      const absl::StatusOr<rpc::Acquired> acquired = service_->migrations().Acquire("reader");
      EXPECT_THAT(acquired, IsOk());
      if (!acquired.ok() || acquired->lease) return acquired.ok() ? *acquired->lease : rpc::Lease();
      std::this_thread::yield();
    }
  }
  absl::Status Fail(const rpc::Lease& lease, const absl::Status& why) {
    return service_->migrations().Fail(id_, lease.shard, lease.epoch, why);
  }
  core::Report Get() { return *service_->migrations().Get(id_, kListed); }

  std::unique_ptr<ServiceCoordinator> service_;
  std::string id_;
};

TEST_F(LeaseTest, AShardOfAFullWriterWaitsAndCountsNoAttempt) {
  Start(/*attempts_max=*/1);
  EXPECT_THAT(Fail(Acquire(), absl::ResourceExhaustedError("4 of 4 streams")), IsOk());
  const core::Report report = Get();
  EXPECT_EQ(report.state, core::State::kCopying);
  EXPECT_EQ(report.step, "waiting for room: 4 of 4 streams");
  EXPECT_THAT(Fail(Acquire(), absl::UnavailableError("its pod is gone")), IsOk());
  AwaitState("FAILED 1");
}

TEST_F(LeaseTest, AGrantEndsTheWaitForAReader) {
  Start();
  while (Get().step != "waiting for a reader") service_->migrations().NoteWaiting("waiting for a reader");
  Acquire();
  EXPECT_EQ(Get().step, "");
}

TEST_F(LeaseTest, APauseFromElsewhereKeepsTheTimeThatWasMeasured) {
  Start();
  Acquire();
  const std::string seen = "SELECT coordinator_seen_at FROM vecferry.migration";
  for (int beat = 0; beat < 3; ++beat) {
    const std::string before = database_.QueryValue(seen);
    while (database_.QueryValue(seen) == before) std::this_thread::yield();
  }
  ASSERT_THAT(Serve()->migrations().Pause(id_, kListed), IsOk());
  EXPECT_EQ(database_.QueryValue("SELECT seconds_copy > 0 AND seconds_total > seconds_plan FROM vecferry.migration"),
            "t");
}

TEST_F(LeaseTest, WhoLostTheMigrationSendsReadersOn) {
  Start();
  const rpc::Lease lease = Acquire();
  database_.Run("UPDATE vecferry.migration SET coordinator_epoch = coordinator_epoch + 1");
  while (!absl::IsNotFound(service_->migrations().Renew(id_, lease.shard, lease.epoch))) std::this_thread::yield();
  EXPECT_THAT(service_->migrations().Complete(id_, lease.shard, lease.epoch),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("not run here")));
  EXPECT_THAT(Fail(lease, absl::UnavailableError("")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("not run here")));
  EXPECT_THAT(service_->migrations().GetPlan(id_), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not run here")));
}

// ---- a verifier that is away ----

TEST_F(EmptyStoreTest, FailsAfterSoManyAttemptsAndSaysWhy) {
  const std::string id = Leave(10);
  database_.Run("UPDATE vecferry.shard SET done = true");
  ServiceCoordinator service(database_.conninfo(), scratch_, /*attempts_max=*/3);
  ASSERT_THAT(service.migrations().Resume(id, kListed), IsOk());
  core::Report last;
  EXPECT_THAT(service.migrations().Watch(id, kListed,
                                         [&](const core::Report& report) {
                                           last = report;
                                           return true;
                                         }),
              IsOk());
  EXPECT_EQ(last.state, core::State::kFailed);
  EXPECT_THAT(last.failure, HasSubstr("its pod is gone"));
  EXPECT_EQ(service.verifier().calls, 3) << "the destination is not taken for lost";
  EXPECT_THAT(service.migrations().GetPlan(id), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not run here")));
}

TEST_F(EmptyStoreTest, AWaitForAVerifierIsSeen) {
  const std::string id = Leave(10);
  database_.Run("UPDATE vecferry.shard SET done = true");
  const auto service = Serve();
  ASSERT_THAT(service->migrations().Resume(id, kListed), IsOk());
  while (!service->Tells("vecferry_coordinator_waiting_migrations 1")) std::this_thread::yield();
  EXPECT_EQ(service->migrations().Get(id, kListed)->step, "waiting for a verifier: its pod is gone");
}

}  // namespace
}  // namespace vecferry::coordinator
