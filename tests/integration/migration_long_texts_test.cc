// Texts that no index entry holds must not make the finish fail.
#include "tests/support/migration_fixture.h"
#include "tests/support/vestige_store.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using LongTextsTest = MigrationTest;

TEST_F(LongTextsTest, CostTheRowInAKeyAndMoveElsewhere) {
  MakeVestigeStore(source_, {.memories = 10});
  // Digits of random bytes: Postgres cannot make them shorter.
  source_.Run(absl::StrCat(
      "INSERT INTO memory_connections (source_id, target_id, link_type, strength, created_at, last_activated) "
      "VALUES ('",
      MemoryId(1), "', '", MemoryId(2),
      "', hex(randomblob(1500)), 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'); "
      "UPDATE knowledge_nodes SET node_type = hex(randomblob(1500)) WHERE id = '",
      MemoryId(4), "'"));
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(report->exit_code, 3);
  EXPECT_EQ(report->totals.rejected, 1);
  EXPECT_THAT(FailedChecks(*report), IsEmpty());
  EXPECT_THAT(
      Query("SELECT source_table, column_name, kind, action FROM vecferry.issues ORDER BY 1"),
      ElementsAre("knowledge_nodes|node_type|too_long|repaired", "memory_connections|link_type|too_long|rejected"));
  EXPECT_THAT(Query(absl::StrCat("SELECT node_type, length(metadata->'vecferry'->>'node_type') FROM "
                                 "mem.knowledge_nodes WHERE id = '",
                                 MemoryId(4), "'")),
              ElementsAre("general|3000"));
}

TEST_F(LongTextsTest, AreMeasuredAsTheyArrive) {
  source_.Run(
      absl::StrCat("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX by_body ON notes(body);"
                   "INSERT INTO notes VALUES (1, CAST(x'",
                   std::string(2 * 1000, 'f'), "' AS TEXT))"));
  source_.Close();
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("SELECT length(body) FROM mem.notes"), ElementsAre("1000"));
  EXPECT_THAT(Query("SELECT indexname FROM pg_indexes WHERE schemaname = 'mem'"), ElementsAre("notes_pkey"));
}

TEST_F(LongTextsTest, LeadToTheWayOutWhenTheyCameAfterThePlan) {
  source_.Run(
      "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT); CREATE INDEX by_body ON notes(body);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
      " INSERT INTO notes SELECT i, 'note ' || i FROM n;");
  source_.Close();
  ASSERT_THAT(RunUntil(1000, SmallSteps()), IsOk());
  source_.Run("UPDATE notes SET body = hex(randomblob(3000)) WHERE id = 4000");
  source_.Close();
  const absl::StatusOr<core::Report> failed = RunOnce();
  ASSERT_THAT(failed, IsOk());
  EXPECT_EQ(failed->state, core::State::kFailed);
  EXPECT_THAT(failed->failure, HasSubstr("--no-indexes"));
  LoopbackCluster cluster(Options());
  rpc::StartOptions request = cluster.Request();
  request.no_indexes = true;
  const absl::StatusOr<core::Report> report = cluster.Run(request);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
}

}  // namespace
}  // namespace vecferry::testing
