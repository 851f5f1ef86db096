// Claims, cancels, two commands at once: SQLite files into a real Postgres, by all services over gRPC in this process.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/postgres/ledger_sql.h"
#include "common/rpc/plan_codec.h"
#include "tests/support/migration_fixture.h"

namespace vecferry::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(MigrationTest, RefusesASecondMigrationOfTheSameTablesAndNamesTheFirst) {
  WriteStore(5000);
  const absl::StatusOr<core::Report> paused = RunUntil(1000, SmallSteps());
  ASSERT_THAT(paused, IsOk());
  EXPECT_EQ(paused->state, core::State::kPaused);
  LoopbackCluster cluster(Options());
  rpc::StartOptions other = cluster.Request();
  other.identity.on_conflict = "update";
  EXPECT_THAT(cluster.Run(other), StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(paused->migration_id)));
  EXPECT_THAT(Query("SELECT count(*) FROM vecferry.migration"), ElementsAre("1"));
}

TEST_F(MigrationTest, DropsWhatItMadeWhenCancelledSo) {
  WriteStore(5000);
  database_.Run("CREATE SCHEMA mem; CREATE TABLE mem.mine (id int)");
  Gate gate(database_, 1000);
  LoopbackCluster cluster(SmallSteps());
  bool cancelled = false;
  const absl::StatusOr<core::Report> report = cluster.Run(cluster.Request(), [&](const core::Report& now) {
    if (cancelled || !gate.reached()) return true;
    cancelled = true;
    LoopbackCluster elsewhere(SmallSteps());
    const absl::StatusOr<core::Report> dropped =
        elsewhere.migrations().Cancel(now.migration_id.substr(0, 8), "destination", /*drop=*/true);
    EXPECT_THAT(dropped, IsOk());
    EXPECT_EQ(dropped.ok() ? dropped->state : core::State::kPlanned, core::State::kDropped);
    return true;
  });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->exit_code, 1);
  EXPECT_THAT(Query("SELECT relname FROM pg_class WHERE relnamespace = 'mem'::regnamespace AND relkind = 'r'"),
              ElementsAre("mine"));
  EXPECT_THAT(Query("SELECT state, (SELECT count(*) FROM vecferry.claim) FROM vecferry.migration"),
              ElementsAre("DROPPED|0"));
}

TEST_F(MigrationTest, RefusesASecondCommandWhileTheFirstRunsAndLetsThatOneEnd) {
  WriteStore(5000);
  std::unique_ptr<Gate> gate = std::make_unique<Gate>(database_, 1000);
  LoopbackCluster cluster(SmallSteps());
  const absl::StatusOr<core::Report> report = cluster.Run(cluster.Request(), [&](const core::Report& now) {
    if (gate == nullptr || !gate->reached()) return true;
    LoopbackCluster::Options options = Options();
    options.claim_patience = absl::ZeroDuration();
    LoopbackCluster second(options);
    EXPECT_THAT(second.Run(), StatusIs(absl::StatusCode::kAlreadyExists,
                                       AllOf(HasSubstr(now.migration_id), HasSubstr(absl::StrCat(getpid())))));
    gate.reset();
    return true;
  });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->resumed, 0);
  EXPECT_THAT(Query("SELECT count(*) FROM vecferry.migration"), ElementsAre("1"));
}

TEST_F(MigrationTest, StopsWhenItsHoldIsTakenAndSaysSo) {
  WriteStore(5000);
  Gate gate(database_, 1000);
  LoopbackCluster::Options options = SmallSteps();
  options.lease_time = absl::Seconds(3);  // readers renew each second, and hear of it then
  LoopbackCluster cluster(options);
  bool taken = false;
  const absl::StatusOr<core::Report> report = cluster.Run(cluster.Request(), [&](const core::Report&) {
    if (taken || !gate.reached()) return true;
    taken = true;
    database_.Run("UPDATE vecferry.migration SET coordinator_epoch = coordinator_epoch + 1");
    // The stuck writer too, as whoever takes a migration over does.
    database_.Run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vecferry/%/%/%'"
        " AND datname = current_database()");
    return true;
  });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->exit_code, 1);
  EXPECT_THAT(report->failure, HasSubstr("taken over"));
  EXPECT_THAT(Query("SELECT state, failure FROM vecferry.migration"), ElementsAre("COPYING|"));
}

// A command that is held up with a commit, whose sessions then end and which cannot take its hold anew.
class LostTest : public MigrationTest {
 protected:
  // Interrupted once `stop` says so.
  absl::StatusOr<core::Report> RunAndLose(
      absl::Duration reconnect_max, const std::function<void()>& prevent,
      const std::function<bool()>& stop = [] { return false; }) {
    Gate gate(database_, 1000);
    LoopbackCluster::Options options = SmallSteps();
    options.lease_time = absl::Seconds(3);
    options.reconnect_max = reconnect_max;
    LoopbackCluster cluster(options);
    bool lost = false;
    return cluster.Run(cluster.Request(), [&](const core::Report&) {
      if (lost) return !stop();
      if (!gate.reached()) return true;
      lost = true;
      prevent();
      database_.Run(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'vecferry/%'"
          " AND datname = current_database()");
      return true;
    });
  }

  // Waits for the lock of the migration, to have it the moment that the command loses it.
  void QueueForTheLock() {
    const std::string id = database_.QueryValue("SELECT id FROM vecferry.migration");
    other_ = std::thread([this, id] {
      EXPECT_THAT(session_.Execute(absl::StrCat("SELECT pg_advisory_lock(", postgres::kMigrationLockKey, ")"), {id}),
                  IsOk());
      has_lock_ = true;
    });
    while (Query("SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_advisory_lock(hash%' AND datname = "
                 "current_database() AND wait_event = 'advisory'")
               .empty()) {
      std::this_thread::yield();
    }
  }

  void TearDown() override {
    if (other_.joinable()) other_.join();
  }

  postgres::Connection session_ = database_.Connect();
  std::thread other_;
  std::atomic<bool> has_lock_ = false;
};

TEST_F(LostTest, SaysThatTheDestinationIsLostAndGoesOnLater) {
  WriteStore(5000);
  absl::StatusOr<postgres::Connection> elsewhere =
      postgres::Connection::Open({.conninfo = TestPostgres::Shared().conninfo("postgres")});
  ASSERT_THAT(elsewhere, IsOk());
  const std::string let_in = absl::StrCat("ALTER DATABASE ", database_.name(), " ALLOW_CONNECTIONS ");
  const absl::StatusOr<core::Report> lost =
      RunAndLose(absl::Seconds(1), [&] { EXPECT_THAT(elsewhere->ExecuteScript(let_in + "false"), IsOk()); });
  ASSERT_THAT(lost, IsOk());
  EXPECT_EQ(lost->exit_code, 1);
  EXPECT_THAT(lost->failure, HasSubstr("run the same command again"));
  ASSERT_THAT(elsewhere->ExecuteScript(let_in + "true"), IsOk());
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("SELECT count(*), count(DISTINCT id) FROM mem.notes"), ElementsAre("5000|5000"));
}

TEST_F(LostTest, DrivesNoMoreWhenAnotherHasTheLockThen) {
  WriteStore(5000);
  const absl::StatusOr<core::Report> report = RunAndLose(absl::Seconds(1), [this] { QueueForTheLock(); });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->exit_code, 1);
  EXPECT_THAT(report->failure, HasSubstr("is driven by process"));
  EXPECT_THAT(Query("SELECT coordinator_epoch, state FROM vecferry.migration"), ElementsAre("1|COPYING"));
}

TEST_F(LostTest, IsInterruptedWhileItWaits) {
  WriteStore(5000);
  const absl::StatusOr<core::Report> report = RunAndLose(
      absl::InfiniteDuration(), [this] { QueueForTheLock(); }, [this] { return has_lock_.load(); });
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->exit_code, 130) << report->failure;
}

TEST_F(MigrationTest, IsWatchedByItsChanges) {
  WriteStore(10);
  LoopbackCluster cluster(Options());
  const absl::StatusOr<rpc::Started> started = cluster.migrations().Start(cluster.Request());
  ASSERT_THAT(started, IsOk());
  std::vector<core::State> states;
  std::vector<std::string> told;
  std::thread watch([&] {
    EXPECT_THAT(cluster.migrations().Watch(started->migration_id, "destination",
                                           [&](const core::Report& report) {
                                             states.push_back(report.state);
                                             told.push_back(rpc::ToProto(report).SerializeAsString());
                                             return true;
                                           }),
                IsOk());
  });
  // No reader runs, so that nothing changes while the coordinator shows three times that it lives, a second apart.
  const std::string seen = "SELECT coordinator_seen_at FROM vecferry.migration WHERE state = 'COPYING'";
  for (int beat = 0; beat < 3; ++beat) {
    const std::vector<std::string> before = Query(seen);
    while (Query(seen) == before) std::this_thread::yield();
  }
  cluster.Interrupt();
  watch.join();
  EXPECT_EQ(states.back(), core::State::kPaused);
  EXPECT_LE(states.size(), 3u);
  EXPECT_EQ(std::adjacent_find(told.begin(), told.end()), told.end());
}

TEST_F(MigrationTest, GrantsTheTablesToOthersOnlyWhenTheyAreWhole) {
  WriteStore(5000);
  database_.Run("CREATE SCHEMA mem; ALTER DEFAULT PRIVILEGES IN SCHEMA mem GRANT SELECT ON TABLES TO PUBLIC");
  const std::string granted =
      "SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'mem.notes'::regclass AND a.grantee = 0";
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  EXPECT_THAT(Query(granted), ElementsAre("0"));
  EXPECT_THAT(Query("SELECT obj_description('mem.notes'::regclass)"), ElementsAre("vecferry: loading"));
  ASSERT_THAT(RunOnce(), IsOk());
  EXPECT_THAT(Query(granted), ElementsAre("1"));
  EXPECT_THAT(Query("SELECT obj_description('mem.notes'::regclass)"), ElementsAre("NULL"));
}

TEST_F(MigrationTest, RefusesTablesThatReplacedItsOwn) {
  WriteStore(5000);
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  database_.Run("DROP TABLE mem.people CASCADE; CREATE TABLE mem.people (id bigint)");
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kFailed);
  EXPECT_THAT(report->failure, HasSubstr("replaced"));
}

}  // namespace
}  // namespace vecferry::testing
