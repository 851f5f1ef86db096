// Whatever a store holds, a copy of it verifies at every level: no false alarm. VECFERRY_TEST_STORES=N tries more.
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "tests/support/migration_fixture.h"
#include "tests/support/random_store.h"
#include "tests/support/told_findings.h"

namespace vecferry::testing {
namespace {

using ::testing::IsEmpty;

int StoresToTry() {
  int stores = 60;
  const char* const text = std::getenv("VECFERRY_TEST_STORES");
  if (text == nullptr) return stores;
  EXPECT_TRUE(absl::SimpleAtoi(text, &stores)) << text;
  return stores;
}

std::string Told(const core::Report& report) {
  std::string text;
  for (const core::DifferenceReport& told : report.differences) {
    absl::StrAppend(&text, told.kind, " ", told.table, " ", told.key, " ", told.columns, ": ", told.detail, "\n");
  }
  return text;
}

TEST(RandomStoresTest, VerifyWithoutAFalseAlarm) {
  RandomTexts random;
  const int stores = StoresToTry();
  TestDatabase database;
  for (int store = 0; store < stores; ++store) {
    SCOPED_TRACE(absl::StrCat("store ", store));
    SqliteFile file;
    WriteRandomStore(random, file);
    LoopbackCluster::Options options;
    options.source_path = file.path();
    options.conninfo = database.conninfo();
    LoopbackCluster cluster(options);
    rpc::StartOptions request = cluster.Request();
    request.identity.destination_schema = absl::StrCat("store", store);
    request.rejects_max = 10'000;
    const absl::StatusOr<core::Report> report = cluster.Run(request);
    ASSERT_THAT(report, IsOk());
    ASSERT_THAT(FailedChecks(*report), IsEmpty()) << Told(*report);
    ASSERT_EQ(report->state, core::State::kVerified) << report->failure;
    ToldFindings told;
    rpc::Verification sample{report->migration_id, "destination"};
    sample.options.level = core::kVerifySample;
    LoopbackCluster again(options);
    ASSERT_THAT(again.verifications().Verify(sample, told), IsOk());
    ASSERT_THAT(told.With("fail"), IsEmpty()) << told.Differences()[0];
  }
}

}  // namespace
}  // namespace vecferry::testing
