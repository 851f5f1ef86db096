// The verifier on what a migration left: each fault of the destination, the ledger or the plan must fail a check.
#include "tests/support/migration_fixture.h"
#include "tests/support/told_findings.h"

namespace vecferry::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

class VerifierTest : public MigrationTest {
 protected:
  void SetUp() override {
    WriteStore(100);
    source_.Run("PRAGMA foreign_keys = OFF; UPDATE notes SET person = 77 WHERE id = 3;");
    source_.Close();
    const absl::StatusOr<core::Report> report = RunOnce();
    ASSERT_THAT(report, IsOk());
    id_ = report->migration_id;
    ASSERT_THAT(Verify(), IsOk());
    EXPECT_THAT(failed_, IsEmpty());
    EXPECT_THAT(passed_, Contains("rejects_named notes 1 1"));
  }

  absl::Status Verify(const std::string& level = core::kVerifyCounts) {
    failed_.clear();
    passed_.clear();
    LoopbackCluster cluster(Options());
    ToldFindings told;
    rpc::Verification verification{id_, "destination"};
    verification.options.level = level;
    const absl::Status verified = cluster.verifications().Verify(verification, told);
    for (const core::CheckReport& check : told.checks) {
      (check.verdict == "pass" ? passed_ : failed_)
          .push_back(absl::StrCat(check.name, " ", check.table, " ", check.expected, " ", check.actual));
    }
    return verified;
  }

  std::string id_;
  std::vector<std::string> passed_, failed_;
};

TEST_F(VerifierTest, FailsForALostRow) {
  database_.Run("DELETE FROM mem.notes WHERE id = 50");
  ASSERT_THAT(Verify(), IsOk());
  EXPECT_THAT(failed_, ElementsAre("rows_arrived notes 99 98"));
}

TEST_F(VerifierTest, FailsForARowTooMany) {
  database_.Run("INSERT INTO mem.people (name) VALUES ('nobody')");
  ASSERT_THAT(Verify(), IsOk());
  EXPECT_THAT(failed_, ElementsAre("rows_arrived people 2 3"));
}

TEST_F(VerifierTest, FailsForARowOfTheSourceThatWasNeverRead) {
  source_.Run("INSERT INTO notes (id) VALUES (1000)");
  source_.Close();
  ASSERT_THAT(Verify(), IsOk());
  EXPECT_THAT(failed_, ElementsAre("rows_read notes 101 100", "rows_accounted notes 101 100"));
}

TEST_F(VerifierTest, FailsForARejectedRowThatNobodyNames) {
  database_.Run("DELETE FROM vecferry.row_issue");
  ASSERT_THAT(Verify(), IsOk());
  EXPECT_THAT(failed_, ElementsAre("rejects_named notes 1 0"));
}

TEST_F(VerifierTest, FailsForATableThatThePlanForgot) {
  source_.Run("CREATE TABLE forgotten (a); CREATE VIRTUAL TABLE words USING fts5(word);");
  source_.Close();
  ASSERT_THAT(Verify(), IsOk());
  EXPECT_THAT(failed_, ElementsAre("table_planned forgotten carried, or left out with a reason forgotten"));
}

TEST_F(VerifierTest, IsNoPassWhenASideCannotBeRead) {
  database_.Run("DROP TABLE mem.notes CASCADE");
  EXPECT_THAT(Verify(), Not(IsOk()));
}

TEST_F(VerifierTest, KnowsItsLevels) {
  EXPECT_THAT(Verify("most"),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("counts, sample, full")));
}

}  // namespace
}  // namespace vecferry::testing
