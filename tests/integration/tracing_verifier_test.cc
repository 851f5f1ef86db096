// What a verifier tells: the call, and a span for each check.
#include "tests/support/migration_fixture.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/told_findings.h"
#include "tests/support/traced.h"

namespace vecferry::testing {
namespace {

using ::testing::Contains;
using ::testing::Pair;
using ::testing::SizeIs;

class TracedVerifierTest : public MigrationTest {};

TEST_F(TracedVerifierTest, TellsEachCheckWithItsVerdict) {
  WriteStore(10);
  const absl::StatusOr<core::Report> report = RunOnce();
  ASSERT_THAT(report, IsOk());
  database_.Run("DELETE FROM mem.notes WHERE id = 5");
  OtlpCollector collector;
  ToldFindings told;
  {
    LoopbackCluster cluster(Options());
    const Traced traced(collector.endpoint());
    const telemetry::TraceScope scope(telemetry::NewTraceparent());
    rpc::Verification verification{report->migration_id, "destination"};
    verification.options.level = core::kVerifyCounts;
    ASSERT_THAT(cluster.verifications().Verify(verification, told), IsOk());
  }
  const std::vector<core::CheckReport>& checks = told.checks;
  const std::vector<ToldSpan> calls = collector.spans("vecferry.v1.VerifierService/Verify");
  ASSERT_THAT(calls, SizeIs(2));
  const std::vector<ToldSpan> spans = collector.spans("check");
  ASSERT_THAT(spans, SizeIs(checks.size()));
  int failed = 0;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    EXPECT_EQ(spans[i].parent_id, calls[1].span_id);
    EXPECT_THAT(spans[i].attributes, Contains(Pair("vecferry.check", checks[i].name)));
    EXPECT_THAT(spans[i].attributes, Contains(Pair("vecferry.table", checks[i].table)));
    EXPECT_THAT(spans[i].attributes, Contains(Pair("vecferry.verdict", checks[i].verdict)));
    EXPECT_EQ(spans[i].failed, checks[i].verdict == "fail");
    failed += spans[i].failed ? 1 : 0;
  }
  EXPECT_EQ(failed, 1);
}

}  // namespace
}  // namespace vecferry::testing
