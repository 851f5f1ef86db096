// Whole migrations: SQLite files into a real Postgres, by all services over gRPC in this process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/postgres/ledger.h"
#include "tests/support/loopback.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Holds up every commit by which a shard would have more rows read than `rows`, until it is opened or goes.
class Gate {
 public:
  Gate(TestDatabase& database, std::int64_t rows) : database_(database) {
    postgres::Connection session = database.Connect();
    EXPECT_THAT(postgres::EnsureLedger(session), IsOk());
    database_.Run(absl::StrCat(
        "CREATE OR REPLACE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$;"
        "CREATE TRIGGER gate BEFORE UPDATE ON vecferry.shard FOR EACH ROW WHEN (NEW.rows_read > ", rows,
        ") EXECUTE FUNCTION public.gate(); SELECT pg_advisory_lock(42)"));
  }
  ~Gate() { database_.Run("SELECT pg_advisory_unlock(42); DROP TRIGGER gate ON vecferry.shard"); }
  bool reached() {
    return database_.QueryValue("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") != "0";
  }

 private:
  TestDatabase& database_;
};

class MigrationTest : public ::testing::Test {
 protected:
  // People and their notes with vectors: a key, a foreign key, an index, an autoincrement column.
  void WriteStore(int notes) {
    source_.Run(absl::StrCat(
        "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);"
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), body TEXT, embedding BLOB);"
        "CREATE INDEX notes_by_person ON notes(person);"
        "INSERT INTO people(id, name) VALUES (1, 'Ada'), (2, 'Grace'), (90, 'gone');"
        "DELETE FROM people WHERE id = 90;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ", notes, ")"
        " INSERT INTO notes SELECT i, 1 + i % 2, 'note ' || i, ", VectorLiteral({0.5, 1, -2}), " FROM n;"));
    source_.Close();
  }

  LoopbackCluster::Options Options() {
    LoopbackCluster::Options options;
    options.source_path = source_.path();
    options.conninfo = database_.conninfo();
    return options;
  }

  // Options by which a run commits after each batch and is stopped at once.
  LoopbackCluster::Options SmallSteps() {
    LoopbackCluster::Options options = Options();
    options.commit_group_bytes = 1;
    options.drain_time = absl::ZeroDuration();
    return options;
  }

  // A command that is interrupted when a shard has read `rows` rows.
  absl::StatusOr<core::Report> RunUntil(std::int64_t rows, const LoopbackCluster::Options& options,
                                        int batch_rows_max = 500) {
    Gate gate(database_, rows);
    LoopbackCluster cluster(options);
    rpc::StartOptions request = cluster.Request();
    request.batch_rows_max = batch_rows_max;
    return cluster.Run(request, [&](const core::Report&) { return !gate.reached(); });
  }

  // One command from start to end.
  absl::StatusOr<core::Report> RunOnce() {
    LoopbackCluster cluster(Options());
    return cluster.Run();
  }

  std::vector<std::string> Query(const std::string& sql) { return database_.Query(sql); }

  SqliteFile source_;
  TestDatabase database_;
};

const core::TableReport& Table(const core::Report& report, const std::string& source) {
  for (const core::TableReport& table : report.tables) {
    if (table.source == source) return table;
  }
  ADD_FAILURE() << "no table " << source;
  static const core::TableReport none;
  return none;
}

std::vector<std::string> FailedChecks(const core::Report& report) {
  std::vector<std::string> failed;
  for (const core::CheckReport& check : report.checks) {
    if (check.verdict != "pass") failed.push_back(absl::StrCat(check.name, " ", check.table, " ", check.verdict));
  }
  return failed;
}

TEST_F(MigrationTest, CarriesEveryRowAndMakesKeysIndexesAndSequences) {
  WriteStore(1000);
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->exit_code, 0);
  EXPECT_EQ(report->totals.read, 1002);
  EXPECT_EQ(report->totals.inserted, 1002);
  EXPECT_EQ(report->verify_level, "counts");
  EXPECT_THAT(FailedChecks(*report), IsEmpty());
  EXPECT_FALSE(report->checks.empty());
  EXPECT_GT(report->seconds.copy, 0);
  EXPECT_GE(report->seconds.total, report->seconds.copy);
  EXPECT_THAT(Query("SELECT count(*), min(embedding::text), max(body) FROM mem.notes"),
              ElementsAre("1000|[0.5,1,-2]|note 999"));
  EXPECT_THAT(Query("SELECT contype FROM pg_constraint WHERE conrelid IN ('mem.notes'::regclass, 'mem.people'::regclass) "
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

TEST_F(MigrationTest, GoesOnWhereItWasInterruptedAlsoWithOtherBatches) {
  WriteStore(20'000);
  LoopbackCluster::Options options = SmallSteps();
  options.shard_bytes_max = 200'000;  // several shards
  std::int64_t carried = 0;
  for (int run = 0; run < 3; ++run) {
    const absl::StatusOr<core::Report> report = RunUntil(500 * (run + 1), options, 100 + 150 * run);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->state, core::State::kPaused) << report->failure;
    EXPECT_EQ(report->exit_code, 130);
    EXPECT_EQ(report->resumed, run);
    EXPECT_GT(report->totals.read, carried);
    EXPECT_LT(report->totals.read, 20'002);
    carried = report->totals.read;
  }
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->totals.read, 20'002);
  EXPECT_EQ(report->resumed, 3);
  EXPECT_THAT(Query("SELECT count(*) > 1 FROM vecferry.shard WHERE mapping = (SELECT max(mapping) FROM vecferry.shard)"),
              ElementsAre("t"));
  EXPECT_THAT(Query("SELECT count(*), count(DISTINCT id), min(id), max(id) FROM mem.notes"),
              ElementsAre("20000|20000|1|20000"));
}

TEST_F(MigrationTest, RemovesOrphansBeforeForeignKeysAndNamesEach) {
  WriteStore(100);
  source_.Run("PRAGMA foreign_keys = OFF;"
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
  EXPECT_THAT(Query("SELECT source_table, source_key, kind, action, convert_from(raw, 'UTF8')::json->>'id' FROM "
                    "vecferry.issues ORDER BY 1, 2"),
              ElementsAre("notes|{\"id\": 200}|foreign_key|rejected|200", "replies|{\"id\": 2}|foreign_key|rejected|2",
                          "replies|{\"id\": 3}|foreign_key|rejected|3"));
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
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->totals.rejected, 10);
  EXPECT_THAT(Query("SELECT count(*) FROM mem.notes"), ElementsAre("90"));
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

}  // namespace
}  // namespace vecferry::testing
