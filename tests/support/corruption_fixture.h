#ifndef VECFERRY_TESTS_SUPPORT_CORRUPTION_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_CORRUPTION_FIXTURE_H_

#include "tests/support/migration_fixture.h"
#include "tests/support/told_findings.h"

namespace vecferry::testing {

// One way in which a destination can be wrong.
struct Corruption {
  std::string name, sql;
  std::vector<std::string> differences;  // "kind table columns", all that is told
};

inline void PrintTo(const Corruption& corruption, std::ostream* out) { *out << corruption.name; }

// A copied store that is spoilt, and what a verification of it tells.
class CorruptionTest : public MigrationTest {
 protected:
  // What `source_` holds.
  void CopyStore() {
    source_.Close();
    const absl::StatusOr<core::Report> report = RunOnce();
    ASSERT_THAT(report, IsOk());
    ASSERT_THAT(FailedChecks(*report), ::testing::IsEmpty());
    id_ = report->migration_id;
  }

  // What a verification tells, and none of its checks but those passes over it.
  std::vector<std::string> Verify(const std::string& level) {
    LoopbackCluster cluster(Options());
    rpc::Verification verification{id_, "destination"};
    verification.options.level = level;
    told_ = {};
    EXPECT_THAT(cluster.verifications().Verify(verification, told_), IsOk());
    std::vector<std::string> told;
    for (const core::DifferenceReport& difference : told_.differences) {
      told.push_back(absl::StrCat(difference.kind, " ", difference.table, " ", difference.columns));
    }
    EXPECT_EQ(told.empty(), told_.With("fail").empty());
    return told;
  }

  // Spoils the copied store: all of it is told, and nothing else.
  void ExpectNamedAlone(const Corruption& corruption) {
    database_.Run(corruption.sql);
    EXPECT_THAT(Verify(core::kVerifyFull), ::testing::UnorderedElementsAreArray(corruption.differences))
        << (told_.differences.empty() ? "" : told_.Differences()[0]);
  }

  std::string id_;
  ToldFindings told_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_CORRUPTION_FIXTURE_H_
