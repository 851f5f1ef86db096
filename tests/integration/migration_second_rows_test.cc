// Source rows that become two destination rows: what is wrong with the second one shows, and the sums stay true.
#include "tests/support/migration_fixture.h"
#include "tests/support/vestige_store.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SecondRowsTest : public MigrationTest {
 protected:
  void SetUp() override {
    MakeVestigeStore(source_, {.memories = 40});
    source_.Close();
    const absl::StatusOr<core::Report> report = RunOnce();
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ(report->exit_code, 0) << report->failure;
    EXPECT_EQ(report->totals.incomplete, 0);
  }

  // 40 rows, all of them there, some of them incomplete; nothing else is wrong.
  static void ExpectIncomplete(const core::Report& report, int incomplete) {
    EXPECT_EQ(report.state, core::State::kVerified) << report.failure;
    EXPECT_EQ(report.exit_code, 3);
    const core::Counters& memories = Table(report, "knowledge_nodes").counters;
    EXPECT_EQ(memories.read, 40);
    EXPECT_EQ(memories.present, 40);
    EXPECT_EQ(memories.rejected + memories.conflicting, 0);
    EXPECT_EQ(memories.incomplete, incomplete);
    EXPECT_EQ(report.totals.incomplete, incomplete);
    EXPECT_THAT(FailedChecks(report), IsEmpty());
  }
};

TEST_F(SecondRowsTest, AreSeenWhenPostgresRefusesThem) {
  const std::string refused = absl::StrCat("('", MemoryId(3), "', '", MemoryId(5), "')");
  database_.Run(absl::StrCat("DELETE FROM mem.scheduling WHERE memory_id IN ", refused,
                             "; ALTER TABLE mem.scheduling ADD CHECK (memory_id NOT IN ", refused, ")"));
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  ExpectIncomplete(*report, 2);
  EXPECT_THAT(Query("SELECT source_table, kind, count(*) FROM vecferry.issues WHERE action = 'rejected' GROUP BY 1, 2"),
              ElementsAre("knowledge_nodes|check|2"));
}

TEST_F(SecondRowsTest, AreSeenWhenTheyConflict) {
  database_.Run(absl::StrCat("UPDATE mem.scheduling SET reps = 77 WHERE memory_id = '", MemoryId(3), "'"));
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  ExpectIncomplete(*report, 1);
}

TEST_F(SecondRowsTest, CountTowardsTheLimitOfRejects) {
  database_.Run("TRUNCATE mem.scheduling; ALTER TABLE mem.scheduling ADD CHECK (false)");
  LoopbackCluster cluster(Options());
  rpc::StartOptions request = cluster.Request();
  request.rejects_max = 39;
  const absl::StatusOr<core::Report> report = cluster.Run(request);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kFailed);
  EXPECT_THAT(report->failure, ::testing::HasSubstr("--max-rejects"));
}

}  // namespace
}  // namespace vecferry::testing
