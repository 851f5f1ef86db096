#include "coordinator/lease_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecferry::coordinator {
namespace {

using ::testing::Optional;

constexpr absl::Duration kLease = absl::Seconds(30);
const LeaseParties kParties = {"reader", "writer:1"};
constexpr absl::Duration kStart = absl::Hours(100);  // monotonic clocks begin anywhere

// Mappings with so many shards each; shard ids run on.
core::Plan MakePlan(const std::vector<int>& shards, core::LoadMode mode = core::LoadMode::kFresh) {
  core::Plan plan;
  for (const int count : shards) {
    core::Mapping mapping;
    mapping.id = static_cast<int>(plan.mappings.size());
    mapping.mode = mode;
    mapping.bytes_estimate = 1000;
    for (int i = 0; i < count; ++i) plan.shards.push_back({static_cast<int>(plan.shards.size()), mapping.id});
    plan.mappings.push_back(mapping);
  }
  return plan;
}

std::vector<ShardStanding> Standings(const core::Plan& plan) {
  std::vector<ShardStanding> standings;
  for (const core::Shard& shard : plan.shards) standings.push_back({shard.id, false, 0});
  return standings;
}

std::optional<int> Lease(LeaseTable& table, absl::Duration now, std::uint64_t epoch) {
  const std::optional<int> shard = table.Take(now, now + kLease, kParties);
  if (shard) table.Grant(*shard, epoch, now + kLease);
  return shard;
}

TEST(LeaseTableTest, LeasesEachShardOnceAndIsDoneWhenAllAreComplete) {
  const core::Plan plan = MakePlan({3});
  LeaseTable table(plan, Standings(plan), kStart);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Lease(table, kStart, 1), Optional(i));
  EXPECT_EQ(Lease(table, kStart, 1), std::nullopt);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(table.done());
    EXPECT_TRUE(table.Complete(i, 1).ok());
  }
  EXPECT_TRUE(table.done());
}

TEST(LeaseTableTest, TakesAShardOnlyOnceBeforeItsGrantIsStored) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, Standings(plan), kStart);
  EXPECT_THAT(table.Take(kStart, kStart + kLease, kParties), Optional(0));
  EXPECT_EQ(table.Take(kStart, kStart + kLease, kParties), std::nullopt);
}

TEST(LeaseTableTest, GoesOnFromWhatTheLedgerHas) {
  const core::Plan plan = MakePlan({2, 1});
  LeaseTable table(plan, {{0, true, 4}, {1, false, 7}, {2, true, 1}}, kStart);
  EXPECT_FALSE(table.done());
  EXPECT_THAT(Lease(table, kStart, 8), Optional(1));
  EXPECT_TRUE(table.Complete(1, 8).ok());
  EXPECT_TRUE(table.done());
}

TEST(LeaseTableTest, LeasesAnExpiredShardAgainAndRefusesItsFormerHolder) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(Lease(table, kStart, 1), Optional(0));
  EXPECT_EQ(Lease(table, kStart + kLease - absl::Milliseconds(1), 2), std::nullopt);
  EXPECT_THAT(Lease(table, kStart + kLease, 2), Optional(0));
  EXPECT_TRUE(absl::IsAborted(table.Renew(0, 1, kStart + 2 * kLease)));
  EXPECT_TRUE(absl::IsAborted(table.Complete(0, 1)));
  EXPECT_FALSE(table.done());
  EXPECT_TRUE(table.Complete(0, 2).ok());
}

TEST(LeaseTableTest, KeepsARenewedLease) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(Lease(table, kStart, 1), Optional(0));
  ASSERT_TRUE(table.Renew(0, 1, kStart + 2 * kLease).ok());
  EXPECT_EQ(Lease(table, kStart + kLease, 2), std::nullopt);
}

TEST(LeaseTableTest, AdoptsALeaseThatAnEarlierCoordinatorGranted) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, {{0, false, 9}}, kStart);
  ASSERT_TRUE(table.Renew(0, 9, kStart + kLease).ok());
  EXPECT_EQ(Lease(table, kStart, 10), std::nullopt);
}

TEST(LeaseTableTest, LeavesALeaseThatRunsToItsHolderAfterARestart) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, {{0, false, 9, "reader", absl::Seconds(20)}}, kStart);
  EXPECT_EQ(Lease(table, kStart + absl::Seconds(19), 10), std::nullopt);
  EXPECT_THAT(Lease(table, kStart + absl::Seconds(20), 10), Optional(0));
}

TEST(LeaseTableTest, FreesTheShardsOfAReaderThatIsGoneAndNoOthers) {
  const core::Plan plan = MakePlan({3});
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(table.Take(kStart, kStart + kLease, {"gone", "w:1"}), Optional(0));
  ASSERT_THAT(table.Take(kStart, kStart + kLease, {"there", "w:2"}), Optional(1));
  ASSERT_THAT(table.Take(kStart, kStart + kLease, {"gone", "w:2"}), Optional(2));
  EXPECT_EQ(table.CountLeases(kStart), 3);
  EXPECT_EQ(table.Expire("gone", kStart), 2);
  EXPECT_EQ(table.Expire("gone", kStart), 0);
  EXPECT_EQ(table.CountLeases(kStart), 1);
  std::map<std::string, int> streams;
  table.CountStreams(kStart, streams);
  EXPECT_EQ(streams, (std::map<std::string, int>{{"w:2", 1}}));
  EXPECT_THAT(Lease(table, kStart, 1), Optional(0));
  EXPECT_THAT(Lease(table, kStart, 1), Optional(2));
  EXPECT_EQ(Lease(table, kStart, 1), std::nullopt);
}

TEST(LeaseTableTest, LeasesAReturnedShardAgainAfterItsPauseAndCountsFailuresOnly) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(Lease(table, kStart, 1), Optional(0));
  ASSERT_TRUE(table.GiveBack(0, 1, kStart + absl::Seconds(1), /*failed=*/true).ok());
  EXPECT_EQ(table.attempts(0), 1);
  EXPECT_EQ(Lease(table, kStart, 2), std::nullopt);
  ASSERT_THAT(Lease(table, kStart + absl::Seconds(1), 2), Optional(0));
  ASSERT_TRUE(table.GiveBack(0, 2, kStart, /*failed=*/false).ok());
  EXPECT_EQ(table.attempts(0), 1);
}

TEST(LeaseTableTest, MergesChildrenOnlyWhenTheirParentsAreDone) {
  core::Plan plan = MakePlan({2, 1}, core::LoadMode::kMerge);
  plan.mappings[1].parents = {0};
  plan.mappings[1].bytes_estimate = 1 << 20;  // would come first
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(Lease(table, kStart, 1), Optional(0));
  ASSERT_THAT(Lease(table, kStart, 1), Optional(1));
  EXPECT_EQ(Lease(table, kStart, 1), std::nullopt);
  ASSERT_TRUE(table.Complete(0, 1).ok());
  EXPECT_EQ(Lease(table, kStart, 1), std::nullopt);
  ASSERT_TRUE(table.Complete(1, 1).ok());
  EXPECT_THAT(Lease(table, kStart, 1), Optional(2));
}

TEST(LeaseTableTest, LoadsFreshChildrenWithoutWaiting) {
  core::Plan plan = MakePlan({1, 1});
  plan.mappings[1].parents = {0};
  LeaseTable table(plan, Standings(plan), kStart);
  EXPECT_THAT(Lease(table, kStart, 1), Optional(0));
  EXPECT_THAT(Lease(table, kStart, 1), Optional(1));
}

TEST(LeaseTableTest, BeginsSomewhereWhenMappingsReferToOneAnotherInARing) {
  core::Plan plan = MakePlan({1, 1}, core::LoadMode::kMerge);
  plan.mappings[0].parents = {1};
  plan.mappings[1].parents = {0};
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(Lease(table, kStart, 1), Optional(0));
  EXPECT_EQ(Lease(table, kStart, 1), std::nullopt);  // not both at once
  ASSERT_TRUE(table.Complete(0, 1).ok());
  EXPECT_THAT(Lease(table, kStart, 1), Optional(1));
}

TEST(LeaseTableTest, WaitsForAParentThatPausesAfterAFailure) {
  core::Plan plan = MakePlan({1, 1}, core::LoadMode::kMerge);
  plan.mappings[1].parents = {0};
  LeaseTable table(plan, Standings(plan), kStart);
  ASSERT_THAT(Lease(table, kStart, 1), Optional(0));
  ASSERT_TRUE(table.GiveBack(0, 1, kStart + absl::Seconds(1), /*failed=*/true).ok());
  EXPECT_EQ(Lease(table, kStart, 2), std::nullopt);
}

TEST(LeaseTableTest, LeasesMappingsWithTheLargestShardsFirst) {
  core::Plan plan = MakePlan({1, 2});
  plan.mappings[1].bytes_estimate = 10'000;
  LeaseTable table(plan, Standings(plan), kStart);
  EXPECT_THAT(Lease(table, kStart, 1), Optional(1));
  EXPECT_THAT(Lease(table, kStart, 1), Optional(2));
  EXPECT_THAT(Lease(table, kStart, 1), Optional(0));
}

TEST(LeaseTableTest, NamesAShardThatItDoesNotKnow) {
  const core::Plan plan = MakePlan({1});
  LeaseTable table(plan, Standings(plan), kStart);
  EXPECT_TRUE(absl::IsNotFound(table.Complete(1, 0)));
  EXPECT_TRUE(absl::IsNotFound(table.Renew(-1, 0, kStart)));
}

}  // namespace
}  // namespace vecferry::coordinator
