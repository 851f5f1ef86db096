// Whole migrations: SQLite files into a real Postgres, by all services over gRPC in this process.
#include "tests/support/migration_fixture.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(MigrationTest, CarriesEveryRowAndMakesKeysIndexesAndSequences) {
  WriteStore(1000);
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(report->totals.read, 1002);
  EXPECT_EQ(report->totals.inserted, 1002);
  EXPECT_EQ(report->verify_level, "full");
  EXPECT_THAT(FailedChecks(*report), IsEmpty());
  EXPECT_FALSE(report->checks.empty());
  EXPECT_GT(report->seconds.copy, 0);
  EXPECT_GE(report->seconds.total, report->seconds.copy);
  EXPECT_THAT(Query("SELECT count(*), min(embedding::text), max(body) FROM mem.notes"),
              ElementsAre("1000|[0.5,1,-2]|note 999"));
  EXPECT_THAT(
      Query("SELECT contype FROM pg_constraint WHERE conrelid IN ('mem.notes'::regclass, 'mem.people'::regclass) "
            "ORDER BY 1"),
      ElementsAre("f", "p", "p"));
  EXPECT_THAT(Query("SELECT count(*) FROM pg_indexes WHERE schemaname = 'mem' AND indexdef LIKE '%(person)%'"),
              ElementsAre("1"));
  // The deleted person's id does not come back.
  EXPECT_THAT(Query("INSERT INTO mem.people(name) VALUES ('Joan') RETURNING id"), ElementsAre("91"));
  EXPECT_THAT(Query("SELECT obj_description('mem.notes'::regclass)"), ElementsAre("NULL"));
  EXPECT_THAT(Query("SELECT count(*) FROM vecferry.claim"), ElementsAre("0"));
}

TEST_F(MigrationTest, ChangesNothingTheSecondTime) {
  WriteStore(300);
  ASSERT_THAT(RunOnce(), IsOk());
  const std::vector<std::string> before = Query("SELECT xmin, * FROM mem.notes ORDER BY id");
  const absl::StatusOr<core::Report> again = RunOnce();
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->state, core::State::kVerified) << again->failure;
  EXPECT_EQ(again->exit_code, 0);
  EXPECT_EQ(again->totals.inserted, 0);
  EXPECT_EQ(again->totals.present, 302);
  EXPECT_THAT(again->indexes, IsEmpty());
  EXPECT_THAT(FailedChecks(*again), IsEmpty());
  EXPECT_EQ(Query("SELECT xmin, * FROM mem.notes ORDER BY id"), before);
  EXPECT_THAT(Query("SELECT state FROM vecferry.migration"), ElementsAre("VERIFIED", "VERIFIED"));
}

TEST_F(MigrationTest, RemovesOrphansBeforeForeignKeysAndNamesEach) {
  WriteStore(100);
  source_.Run(
      "PRAGMA foreign_keys = OFF;"
      "CREATE TABLE replies (id INTEGER PRIMARY KEY, note INTEGER REFERENCES notes(id));"
      "INSERT INTO notes(id, person, body) VALUES (200, 77, 'by nobody'), (201, NULL, 'by no one in particular');"
      "INSERT INTO replies VALUES (1, 5), (2, 200), (3, 300);");
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->exit_code, 3);
  // Reply 2 refers to a note that goes because its person is missing.
  EXPECT_THAT(Query("SELECT id FROM mem.replies"), ElementsAre("1"));
  EXPECT_THAT(Query("SELECT id FROM mem.notes WHERE id > 100"), ElementsAre("201"));
  EXPECT_EQ(Table(*report, "notes").counters.rejected, 1);
  EXPECT_EQ(Table(*report, "replies").counters.rejected, 2);
  EXPECT_EQ(Table(*report, "replies").counters.inserted, 1);
  EXPECT_THAT(FailedChecks(*report), IsEmpty());
  EXPECT_THAT(
      Query("SELECT source_table, source_key, source_rowid, kind, action, raw_format FROM vecferry.issues ORDER "
            "BY 1, 2"),
      ElementsAre("notes|{\"id\": 200}|200|foreign_key|rejected|sqlite-record",
                  "replies|{\"id\": 2}|2|foreign_key|rejected|sqlite-record",
                  "replies|{\"id\": 3}|3|foreign_key|rejected|sqlite-record"));
}

TEST_F(MigrationTest, DeletesNothingWhenThereAreMoreOrphansThanAllowedAndGoesOnWithAHigherBound) {
  WriteStore(100);
  source_.Run("PRAGMA foreign_keys = OFF; UPDATE notes SET person = 77 WHERE id <= 10;");
  source_.Close();
  {
    LoopbackCluster cluster(Options());
    rpc::StartOptions request = cluster.Request();
    request.rejects_max = 9;
    const absl::StatusOr<core::Report> report = cluster.Run(request);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->state, core::State::kFailed);
    EXPECT_EQ(report->exit_code, 1);
    EXPECT_THAT(report->failure, HasSubstr("--max-rejects 9"));
  }
  EXPECT_THAT(Query("SELECT count(*) FROM mem.notes"), ElementsAre("100"));
  EXPECT_THAT(Query("SELECT count(*) FROM vecferry.issues"), ElementsAre("0"));
  LoopbackCluster cluster(Options());
  rpc::StartOptions request = cluster.Request();
  request.rejects_max = 10;
  const absl::StatusOr<core::Report> report = cluster.Run(request);
  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(FailedChecks(*report), IsEmpty()) << (report->differences.empty() ? "" : report->differences[0].detail);
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->totals.rejected, 10);
  EXPECT_THAT(Query("SELECT count(*) FROM mem.notes"), ElementsAre("90"));
}

TEST_F(MigrationTest, WritesNothingWhenItOnlyPlans) {
  WriteStore(10);
  LoopbackCluster cluster(Options());
  const absl::StatusOr<rpc::DrawnPlan> drawn = cluster.migrations().Plan(cluster.Request());
  ASSERT_THAT(drawn, IsOk());
  EXPECT_EQ(drawn->plan.mappings.size(), 2u);
  EXPECT_FALSE(drawn->plan.shards.empty());
  EXPECT_THAT(Query("SELECT nspname FROM pg_namespace WHERE nspname IN ('mem', 'vecferry')"), IsEmpty());
  LoopbackCluster::Options nowhere = Options();
  nowhere.destination_runs = false;
  LoopbackCluster without_server(nowhere);
  EXPECT_THAT(without_server.migrations().Plan(without_server.Request()), IsOk());
  EXPECT_THAT(without_server.migrations().Start(without_server.Request()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("")));
}

TEST_F(MigrationTest, MergesIntoEmptyTablesParentsBeforeTheirChildren) {
  WriteStore(2000);
  ASSERT_THAT(RunOnce(), IsOk());
  database_.Run("TRUNCATE mem.notes, mem.people");
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->totals.inserted, 2002);
  EXPECT_EQ(report->totals.rejected, 0);
}

// Also beside a row whose parent is nowhere: it alone is left behind.
TEST_F(MigrationTest, MergesRowsThatReferToLaterOnesOfTheirGroup) {
  source_.Run(
      "PRAGMA foreign_keys = OFF; CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree);"
      "INSERT INTO tree VALUES (1, 2), (2, NULL), (3, 99), (4, 5), (5, NULL)");
  source_.Close();
  ASSERT_THAT(RunOnce(), IsOk());
  database_.Run("TRUNCATE mem.tree");
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->exit_code, 3) << report->failure;
  EXPECT_THAT(Query("SELECT id FROM mem.tree ORDER BY id"), ElementsAre("1", "2", "4", "5"));
  EXPECT_EQ(report->totals.rejected, 1);
}

class ConflictTest : public MigrationTest {
 protected:
  // The destination holds all rows, one of them with other content.
  void SetUp() override {
    WriteStore(100);
    ASSERT_THAT(RunOnce(), IsOk());
    database_.Run("UPDATE mem.notes SET body = 'mine' WHERE id = 7");
  }

  absl::StatusOr<core::Report> RunWith(const std::string& on_conflict) {
    LoopbackCluster cluster(Options());
    rpc::StartOptions request = cluster.Request();
    request.identity.on_conflict = on_conflict;
    return cluster.Run(request);
  }

  std::string Body() { return database_.QueryValue("SELECT body FROM mem.notes WHERE id = 7"); }
};

TEST_F(ConflictTest, KeepsTheDestinationsRowAndNamesIt) {
  const absl::StatusOr<core::Report> report = RunWith("skip");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->exit_code, 3);
  EXPECT_EQ(report->totals.conflicting, 1);
  EXPECT_EQ(report->totals.present, 101);
  EXPECT_THAT(FailedChecks(*report), IsEmpty());
  EXPECT_EQ(Body(), "mine");
}

TEST_F(ConflictTest, TakesTheSourcesRowWhenToldSo) {
  const absl::StatusOr<core::Report> report = RunWith("update");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->exit_code, 0) << report->failure;
  EXPECT_EQ(report->totals.updated, 1);
  EXPECT_EQ(Body(), "note 7");
}

TEST_F(ConflictTest, StopsWhenToldSo) {
  const absl::StatusOr<core::Report> report = RunWith("fail");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kFailed);
  EXPECT_EQ(report->exit_code, 1);
  EXPECT_THAT(report->failure, HasSubstr("notes"));
  EXPECT_EQ(Body(), "mine");
}

TEST_F(MigrationTest, LeavesSecondaryIndexesOutWhenToldSo) {
  WriteStore(100);
  LoopbackCluster cluster(Options());
  rpc::StartOptions request = cluster.Request();
  request.no_indexes = true;
  request.no_verify = true;
  const absl::StatusOr<core::Report> report = cluster.Run(request);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kCopied) << report->failure;
  EXPECT_THAT(report->checks, IsEmpty());
  EXPECT_THAT(Query("SELECT indexdef FROM pg_indexes WHERE schemaname = 'mem' AND indexdef NOT LIKE '%UNIQUE%'"),
              IsEmpty());
  EXPECT_THAT(Query("SELECT count(*) FROM pg_constraint WHERE connamespace = 'mem'::regnamespace"), ElementsAre("3"));
}

}  // namespace
}  // namespace vecferry::testing
