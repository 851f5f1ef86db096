// What the same command does after an interruption: SQLite files into a real Postgres, by all services over gRPC in
// this process.
#include <thread>

#include "tests/support/migration_fixture.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(MigrationTest, GoesOnWhereItWasInterruptedAlsoWithOtherBatches) {
  WriteStore(8000);
  LoopbackCluster::Options options = SmallSteps();
  options.shard_bytes_max = 100'000;  // several shards
  std::int64_t carried = 0;
  for (int run = 0; run < 3; ++run) {
    const absl::StatusOr<core::Report> report = RunUntil(500 * (run + 1), options, 100 + 150 * run);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->state, core::State::kPaused) << report->failure;
    EXPECT_EQ(report->exit_code, 130);
    EXPECT_EQ(report->resumed, run);
    EXPECT_GT(report->totals.read, carried);
    EXPECT_LT(report->totals.read, 8002);
    carried = report->totals.read;
  }
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->totals.read, 8002);
  EXPECT_EQ(report->resumed, 3);
  EXPECT_THAT(
      Query("SELECT count(*) > 1 FROM vecferry.shard WHERE mapping = (SELECT max(mapping) FROM vecferry.shard)"),
      ElementsAre("t"));
  EXPECT_THAT(Query("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM mem.notes"),
              ElementsAre("8000|8000|1|8000"));
}

TEST_F(MigrationTest, CarriesChangedRowsAgainWhenTheSourceChangedMeanwhile) {
  WriteStore(5000);
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("UPDATE notes SET body = 'changed' WHERE id = 1; INSERT INTO people VALUES (50, 'Edsger');");
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->resumed, 1);
  EXPECT_THAT(FailedChecks(*report), IsEmpty());
  EXPECT_THAT(Query("SELECT body FROM mem.notes WHERE id = 1"), ElementsAre("changed"));
  EXPECT_THAT(Query("SELECT count(*) FROM mem.notes"), ElementsAre("5000"));
  EXPECT_THAT(Query("SELECT count(*) FROM mem.people"), ElementsAre("3"));
}

TEST_F(MigrationTest, NumbersOnFromWhereTheSourceHasComeToMeanwhile) {
  WriteStore(5000);
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("INSERT INTO people VALUES (700, 'gone too'); DELETE FROM people WHERE id = 700");
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("INSERT INTO mem.people(name) VALUES ('Joan') RETURNING id"), ElementsAre("701"));
}

TEST_F(MigrationTest, RejectsARowThatCameMeanwhileWithTheKeyOfAnother) {
  WriteThings();
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("INSERT INTO things SELECT 6001, upper(key) FROM things WHERE id = 4011");
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->exit_code, 3);
  EXPECT_THAT(Query("SELECT source_key, kind FROM vecferry.issues WHERE action = 'rejected'"),
              ElementsAre("{\"id\": 6001}|duplicate_key"));
  EXPECT_THAT(Query("SELECT count(*), max(id) FROM mem.things"), ElementsAre("5000|5000"));
  EXPECT_THAT(Query("SELECT count(*) FROM vecferry.event WHERE kind = 'reconciled'"), ElementsAre("0"));
}

TEST_F(MigrationTest, CarriesAgainARowThatGotAPredecessorOfTheSameKey) {
  WriteThings();
  LoopbackCluster::Options options = SmallSteps();
  options.shard_bytes_max = 70'000;  // several shards
  {
    Gate gate(database_, 1000);
    LoopbackCluster cluster(options);
    ASSERT_THAT(cluster.Run(cluster.Request(),
                            [&](const core::Report&) {
                              return Query("SELECT FROM vecferry.shard WHERE rows_read >= 1000").size() < 2;
                            }),
                IsOk());
  }
  // The first of the second shard, carried, gets one in the first shard's end, not read yet, that precedes it.
  const std::string second = database_.QueryValue("SELECT min(id) FROM mem.things WHERE id > 1000");
  source_.Run(absl::StrCat("UPDATE things SET key = (SELECT upper(key) FROM things WHERE id = ", second,
                           ") WHERE id = ", second, " - 1"));
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("SELECT source_key->>'id', kind FROM vecferry.issues WHERE action = 'rejected'"),
              ElementsAre(second + "|duplicate_key"));
  EXPECT_THAT(Query("SELECT count(*) FROM mem.things"), ElementsAre("4999"));
}

TEST_F(MigrationTest, NumbersTheFirstEqualRowsOfATableWithoutAKeyThatCameMeanwhile) {
  source_.Run(
      "CREATE TABLE log (line TEXT);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
      " INSERT INTO log SELECT 'line ' || i FROM n;");
  source_.Close();
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("INSERT INTO log VALUES ('line 7'), ('line 4000')");
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("SELECT count(*), count(DISTINCT line) FROM mem.log"), ElementsAre("5002|5000"));
  // The same command again finds each of them by its key.
  const absl::StatusOr<core::Report> again = RunOnce();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->totals.present, 5002);
}

TEST_F(MigrationTest, StopsAtAChangedSourceWhenToldSo) {
  WriteStore(5000);
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("UPDATE notes SET body = 'changed' WHERE id = 1; UPDATE people SET name = 'Eve' WHERE id = 1;");
  source_.Close();
  LoopbackCluster cluster(Options());
  rpc::StartOptions request = cluster.Request();
  request.on_source_change = "fail";
  const absl::StatusOr<core::Report> report = cluster.Run(request);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kFailed);
  EXPECT_THAT(report->failure, HasSubstr("the source changed"));
  EXPECT_THAT(Query("SELECT count(*) FROM mem.notes WHERE body = 'changed'"), ElementsAre("0"));
}

TEST_F(MigrationTest, StopsWhenColumnsOfTheSourceChanged) {
  WriteStore(5000);
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("ALTER TABLE notes ADD COLUMN extra TEXT");
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kFailed);
  EXPECT_THAT(report->failure, HasSubstr("columns of the source changed"));
}

TEST_F(MigrationTest, ResumesACancelledMigration) {
  WriteStore(5000);
  {
    Gate gate(database_, 1000);
    LoopbackCluster cluster(SmallSteps());
    bool cancelled = false;
    const absl::StatusOr<core::Report> report = cluster.Run(cluster.Request(), [&](const core::Report& now) {
      if (cancelled || !gate.reached()) return true;
      cancelled = true;
      EXPECT_THAT(cluster.migrations().Cancel(now.migration_id, "destination", /*drop=*/false), IsOk());
      return true;
    });
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->state, core::State::kCancelled);
    EXPECT_EQ(report->exit_code, 1);
  }
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->resumed, 1);
  EXPECT_THAT(Query("SELECT count(*) FROM mem.notes"), ElementsAre("5000"));
}

TEST_F(MigrationTest, NamesTheFinishStepThatFailedAndRepeatsNoneThatSucceeded) {
  WriteStore(5000);
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  const std::string index = "notes_by_person";  // somebody takes the name meanwhile
  database_.Run("CREATE TABLE mem.other (a int); CREATE INDEX " + index + " ON mem.other (a)");
  const absl::StatusOr<core::Report> failed = RunOnce();
  ASSERT_THAT(failed, IsOk());
  EXPECT_EQ(failed->state, core::State::kFailed);
  EXPECT_EQ(failed->exit_code, 1);
  EXPECT_THAT(failed->failure, HasSubstr(index));
  EXPECT_THAT(failed->failure, HasSubstr("same command"));
  const std::string keys =
      "SELECT oid, conname FROM pg_constraint WHERE connamespace = 'mem'::regnamespace AND contype = 'p' "
      "ORDER BY 2";
  const std::vector<std::string> before = Query(keys);
  EXPECT_FALSE(before.empty());
  database_.Run("DROP TABLE mem.other");
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(Query(keys), before);
  EXPECT_GT(report->seconds.finish, 0);
}

TEST_F(MigrationTest, IsInterruptedWithinAFinishStatement) {
  WriteStore(5000);
  postgres::Connection other = database_.Connect();
  {
    std::unique_ptr<Gate> gate = std::make_unique<Gate>(database_, 1000);
    LoopbackCluster cluster(SmallSteps());
    const absl::StatusOr<core::Report> report = cluster.Run(cluster.Request(), [&](const core::Report& now) {
      if (gate != nullptr && gate->reached()) {
        // Lets rows in, but no key.
        EXPECT_THAT(other.ExecuteScript("BEGIN; LOCK TABLE mem.notes IN ROW EXCLUSIVE MODE"), IsOk());
        gate.reset();
      }
      return now.state != core::State::kFinishing ||
             Query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'mem.notes'::regclass").empty();
    });
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->state, core::State::kPaused) << report->failure;
    EXPECT_EQ(report->exit_code, 130);
    EXPECT_EQ(report->totals.read, 5002);
  }
  // Its statement has ended, though what it waited for is still held; the server may need a moment to see the session
  // go.
  while (!Query("SELECT FROM pg_stat_activity WHERE application_name LIKE 'vecferry/%/finish' AND datname = "
                "current_database()")
              .empty()) {
    std::this_thread::yield();
  }
  ASSERT_THAT(other.ExecuteScript("ROLLBACK"), IsOk());
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->resumed, 1);
}

}  // namespace
}  // namespace vecferry::testing
