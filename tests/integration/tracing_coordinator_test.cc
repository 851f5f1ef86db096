// What a coordinator tells of a migration stays under its bound, however many leases and steps there are.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "coordinator/migration_trace.h"
#include "tests/support/otlp_collector.h"
#include "tests/support/status_matchers.h"
#include "tests/support/traced.h"

namespace vecferry::coordinator {
namespace {

using ::testing::Each;
using ::testing::Ge;
using ::testing::Le;
using ::testing::SizeIs;
using ::vecferry::testing::OtlpCollector;
using ::vecferry::testing::Traced;

constexpr int kSpansMax = 10'000;  // docs/tracing.md
constexpr char kMigration[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class MigrationTraceTest : public ::testing::Test {
 protected:
  rpc::Lease Grant(MigrationTrace& trace, int shard) {
    rpc::Lease lease;
    lease.shard = shard;
    trace.TellLease(absl::Now(), "reader", lease);
    return lease;
  }
  // What `leases` leases of a migration of so many shards may cost in all, their readers' and writers' spans included.
  int Cost(std::size_t shards, int leases) {
    MigrationTrace trace(kMigration, shards);
    int spans = 0;
    for (int i = 0; i < leases; ++i) {
      const rpc::Lease lease = Grant(trace, i);
      if (!lease.traceparent.empty()) spans += 1 + rpc::SpansOfLease(lease.spans_max);
    }
    return spans;
  }
  OtlpCollector collector_;
  Traced traced_{collector_.endpoint()};
};

TEST_F(MigrationTraceTest, KeepsItsLeasesUnderTheBoundHoweverManyShardsThereAre) {
  const int others = rpc::kChecksToldMax + 2;  // the plan, the migration itself
  for (const std::size_t shards : {1, 7, 100, 999, 5'000, 100'000}) {
    EXPECT_THAT(Cost(shards, 20'000), Le(kSpansMax - others)) << shards << " shards";
  }
}

TEST_F(MigrationTraceTest, TellsTheFirstLeaseOfEveryShardOfAUsualMigration) {
  const int shards = 600;
  MigrationTrace trace(kMigration, shards);
  std::vector<std::string> told;
  for (int i = 0; i < shards; ++i) told.push_back(Grant(trace, i).traceparent);
  EXPECT_THAT(told, Each(SizeIs(Ge(1u))));
}

TEST_F(MigrationTraceTest, TellsSoManyStepsOnly) {
  {
    MigrationTrace trace(kMigration, 1);
    for (int i = 0; i < 3'000; ++i) trace.BeginStep(absl::StrCat("step ", i));
    trace.EndStep(absl::OkStatus());
  }
  traced_.Finish();
  const auto spans = collector_.spans();
  EXPECT_THAT(spans, SizeIs(Le(400u)));
  EXPECT_THAT(spans, SizeIs(Ge(100u)));
}

TEST_F(MigrationTraceTest, LeavesALeaseAloneThatIsNotTraced) {
  MigrationTrace trace("", 1);
  EXPECT_EQ(Grant(trace, 0).traceparent, "");
}

}  // namespace
}  // namespace vecferry::coordinator
