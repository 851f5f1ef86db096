// Calls of a worker over several coordinators: who is asked, in which order, and whose word counts.
#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/service/routing.h"
#include "tests/support/status_matchers.h"

namespace vecferry::service {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;

rpc::Lease LeaseOf(const std::string& migration, int shard = 0, std::uint64_t epoch = 1) {
  rpc::Lease lease;
  lease.migration_id = migration;
  lease.shard = shard;
  lease.epoch = epoch;
  return lease;
}

// Answers as the test says, and notes into `calls` that it was asked.
class FakeCoordinator : public rpc::LeaseClient, public rpc::SourceClient {
 public:
  FakeCoordinator(std::string name, std::vector<std::string>& calls) : name_(std::move(name)), calls_(calls) {}

  absl::StatusOr<rpc::Acquired> Acquire(const std::string&) override {
    calls_.push_back(absl::StrCat(name_, " Acquire"));
    return acquired;
  }
  absl::Status Renew(const rpc::Lease&) override { return Answer("Renew"); }
  absl::Status Complete(const rpc::Lease&) override { return Answer("Complete"); }
  absl::Status Fail(const rpc::Lease&, const absl::Status&) override { return Answer("Fail"); }
  absl::StatusOr<core::Plan> GetPlan(const std::string&) override {
    if (absl::Status status = Answer("GetPlan"); !status.ok()) return status;
    core::Plan plan;
    plan.notes = {name_};
    return plan;
  }
  absl::Status Fetch(const std::string&, std::uint64_t offset, const std::function<bool()>&,
                     const std::function<absl::Status(const rpc::SourceChunk&)>& on_chunk) override {
    calls_.push_back(absl::StrCat(name_, " Fetch"));
    for (const std::string& piece : pieces) {
      rpc::SourceChunk chunk;
      chunk.offset = offset;
      chunk.data = piece;
      if (absl::Status status = on_chunk(chunk); !status.ok()) return status;
    }
    return answer;
  }

  absl::StatusOr<rpc::Acquired> acquired = rpc::Acquired{};
  absl::Status answer;
  std::vector<std::string> pieces;

 private:
  absl::Status Answer(const char* call) {
    calls_.push_back(absl::StrCat(name_, " ", call));
    return answer;
  }

  const std::string name_;
  std::vector<std::string>& calls_;
};

class RoutingTest : public ::testing::Test {
 protected:
  RoutingTest() {
    for (const char* name : {"a", "b", "c"}) fakes_[name] = std::make_shared<FakeCoordinator>(name, calls_);
    for (const auto& [name, fake] : fakes_) answers_[name] = true;
  }

  FakeCoordinator& at(const std::string& name) { return *fakes_.at(name); }
  std::vector<Peer> ListPeers() {
    std::vector<Peer> peers;
    for (const auto& [name, fake] : fakes_) peers.push_back({name, answers_[name], fake, fake});
    return peers;
  }
  void Give(const std::string& name, const rpc::Lease& lease) {
    at(name).acquired = rpc::Acquired{.lease = lease, .finished = true};
  }
  // Acquires a lease of migration `m` that only `name` has.
  rpc::Lease Acquire(const std::string& name) {
    Give(name, LeaseOf("m"));
    const auto acquired = leases_.Acquire("worker");
    EXPECT_THAT(acquired, IsOk());
    at(name).acquired = rpc::Acquired{};
    calls_.clear();
    return acquired.ok() && acquired->lease ? *acquired->lease : rpc::Lease{};
  }
  absl::Status Fetch(const std::function<absl::Status(const rpc::SourceChunk&)>& take) {
    return sources_->Fetch(
        "s", 0, [] { return false; }, take);
  }
  void AnswerAll(const absl::Status& status) {
    for (const auto& [name, fake] : fakes_) fake->answer = status;
  }

  std::vector<std::string> calls_;
  std::map<std::string, std::shared_ptr<FakeCoordinator>> fakes_;
  std::map<std::string, bool> answers_;
  RoutedLeases leases_{[this] { return ListPeers(); }};
  const std::unique_ptr<rpc::SourceClient> sources_ = MakeRoutedSources([this] { return ListPeers(); });
};

const absl::Status kAway = absl::UnavailableError("away"), kElsewhere = absl::NotFoundError("not here");

TEST_F(RoutingTest, TheOneThatGaveLastIsAskedLast) {
  Give("a", LeaseOf("m"));
  Give("b", LeaseOf("n"));
  EXPECT_EQ((*leases_.Acquire("worker")).lease->migration_id, "m");
  EXPECT_EQ((*leases_.Acquire("worker")).lease->migration_id, "n");
  EXPECT_EQ((*leases_.Acquire("worker")).lease->migration_id, "m");
  EXPECT_THAT(calls_, ElementsAre("a Acquire", "b Acquire", "c Acquire", "a Acquire"));
}

TEST_F(RoutingTest, NeverSaysFinishedAndAsksAgainWhenTheFirstWantsIt) {
  at("a").acquired = rpc::Acquired{.retry_after = absl::Seconds(5), .finished = true};
  at("b").acquired = kAway;
  at("c").acquired = rpc::Acquired{.retry_after = absl::Seconds(2), .finished = true};
  const auto acquired = leases_.Acquire("worker");
  ASSERT_THAT(acquired, IsOk());
  EXPECT_FALSE(acquired->finished);
  EXPECT_FALSE(acquired->lease.has_value());
  EXPECT_EQ(acquired->retry_after, absl::Seconds(2));
  Give("c", LeaseOf("m"));
  EXPECT_FALSE((*leases_.Acquire("worker")).finished);
}

TEST_F(RoutingTest, LeasesAreAskedOnlyOfThoseThatAnswer) {
  answers_["a"] = false;
  Give("a", LeaseOf("m"));
  EXPECT_FALSE((*leases_.Acquire("worker")).lease.has_value());
  EXPECT_THAT(calls_, ElementsAre("b Acquire", "c Acquire"));
  answers_["b"] = answers_["c"] = false;
  EXPECT_THAT(leases_.Acquire("worker"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no coordinator")));
}

TEST_F(RoutingTest, SaysWhyWhenAllRefuseALease) {
  for (const auto& [name, fake] : fakes_) fake->acquired = absl::PermissionDeniedError("no reader");
  EXPECT_THAT(leases_.Acquire("worker"), StatusIs(absl::StatusCode::kPermissionDenied, "no reader"));
}

TEST_F(RoutingTest, ALeaseGoesBackToWhomItCameFrom) {
  const rpc::Lease lease = Acquire("b");
  EXPECT_THAT(leases_.GetPlan("m")->notes, ElementsAre("b"));
  EXPECT_THAT(leases_.Renew(lease), IsOk());
  EXPECT_THAT(leases_.Complete(lease), IsOk());
  EXPECT_THAT(calls_, ElementsAre("b GetPlan", "b Renew", "b Complete"));
}

TEST_F(RoutingTest, TheOneThatTookTheMigrationUpIsFoundAndRemembered) {
  const rpc::Lease lease = Acquire("b");
  AnswerAll(kElsewhere);
  at("b").answer = kAway;
  at("c").answer = absl::OkStatus();
  EXPECT_THAT(leases_.Renew(lease), IsOk());
  EXPECT_THAT(calls_, ElementsAre("b Renew", "a Renew", "c Renew"));
  calls_.clear();
  EXPECT_THAT(leases_.Fail(lease, absl::CancelledError("stopped")), IsOk());
  EXPECT_THAT(calls_, ElementsAre("c Fail"));
}

TEST_F(RoutingTest, ALostLeaseIsLostWhoeverSaysIt) {
  const rpc::Lease lease = Acquire("b");
  AnswerAll(kElsewhere);
  at("b").answer = absl::DeadlineExceededError("slow");
  at("c").answer = absl::AbortedError("leased to another");
  EXPECT_THAT(leases_.Renew(lease), StatusIs(absl::StatusCode::kAborted, "leased to another"));
  at("b").answer = absl::AbortedError("epoch 2");
  calls_.clear();
  EXPECT_THAT(leases_.Renew(lease), StatusIs(absl::StatusCode::kAborted, "epoch 2"));
  EXPECT_THAT(calls_, ElementsAre("b Renew"));
}

// A reader that was told kNotFound would fail the shard for good, while another coordinator takes the migration up.
TEST_F(RoutingTest, AMigrationThatNobodyDrivesMayComeBack) {
  const rpc::Lease lease = Acquire("b");
  AnswerAll(kElsewhere);
  EXPECT_THAT(leases_.GetPlan("m"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("drives migration m")));
  at("b").answer = kAway;
  EXPECT_THAT(leases_.Renew(lease), StatusIs(absl::StatusCode::kUnavailable, _));
}

TEST_F(RoutingTest, WhatTheDriverSaysOfItselfIsTold) {
  const rpc::Lease lease = Acquire("b");
  AnswerAll(kElsewhere);
  at("b").answer = absl::InternalError("the ledger is broken");
  EXPECT_THAT(leases_.Renew(lease), StatusIs(absl::StatusCode::kInternal, "the ledger is broken"));
}

// As when a new version refuses the readers of the old one.
TEST_F(RoutingTest, ARefusalByAStrangerIsNoAnswer) {
  const rpc::Lease lease = Acquire("c");
  at("a").answer = absl::FailedPreconditionError("plan format 9");
  answers_["c"] = false;
  EXPECT_THAT(leases_.Renew(lease), IsOk());
  EXPECT_THAT(calls_, ElementsAre("a Renew", "b Renew"));
}

TEST_F(RoutingTest, ADriverThatDoesNotAnswerIsAskedLast) {
  const rpc::Lease lease = Acquire("a");
  answers_["a"] = false;
  AnswerAll(kElsewhere);
  at("a").answer = absl::OkStatus();
  EXPECT_THAT(leases_.Renew(lease), IsOk());
  EXPECT_THAT(calls_, ElementsAre("b Renew", "c Renew", "a Renew"));
}

TEST_F(RoutingTest, KnowsOfWhomLeasesRun) {
  EXPECT_FALSE(leases_.HasLeasesOf("a"));
  const rpc::Lease first = Acquire("a");
  Give("a", LeaseOf("m", 1));
  const rpc::Lease second = *(*leases_.Acquire("worker")).lease;
  EXPECT_TRUE(leases_.HasLeasesOf("a"));
  EXPECT_FALSE(leases_.HasLeasesOf("b"));
  EXPECT_THAT(leases_.Complete(first), IsOk());
  EXPECT_THAT(leases_.Complete(first), IsOk());
  EXPECT_TRUE(leases_.HasLeasesOf("a"));
  AnswerAll(kAway);
  leases_.Fail(second, absl::CancelledError("stopped")).IgnoreError();
  EXPECT_FALSE(leases_.HasLeasesOf("a"));
}

TEST_F(RoutingTest, ACopyIsFetchedFromTheOneThatHasIt) {
  at("a").answer = kElsewhere;
  at("b").pieces = {"x", "y"};
  std::string fetched;
  const auto take = [&](const rpc::SourceChunk& chunk) {
    fetched += chunk.data;
    return absl::OkStatus();
  };
  EXPECT_THAT(Fetch(take), IsOk());
  EXPECT_EQ(fetched, "xy");
  EXPECT_THAT(calls_, ElementsAre("a Fetch", "b Fetch"));
  calls_.clear();
  answers_["b"] = false;
  at("c").answer = kElsewhere;
  EXPECT_THAT(Fetch(take), IsOk());
  EXPECT_THAT(calls_, ElementsAre("a Fetch", "c Fetch", "b Fetch"));
}

TEST_F(RoutingTest, AFetchThatBrokeOffIsNotBegunAgainElsewhere) {
  at("a").pieces = {"x"};
  at("a").answer = kAway;
  at("b").pieces = {"x"};
  int pieces = 0;
  const auto take = [&](const rpc::SourceChunk&) {
    ++pieces;
    return absl::OkStatus();
  };
  EXPECT_THAT(Fetch(take), StatusIs(absl::StatusCode::kUnavailable, "away"));
  EXPECT_EQ(pieces, 1);
}

TEST_F(RoutingTest, ACopyIsMissingOnlyWhenAllSayIt) {
  const auto take = [](const rpc::SourceChunk&) { return absl::OkStatus(); };
  AnswerAll(kElsewhere);
  EXPECT_THAT(Fetch(take), StatusIs(absl::StatusCode::kNotFound, _));
  at("b").answer = kAway;
  EXPECT_THAT(Fetch(take), StatusIs(absl::StatusCode::kUnavailable, _));
  at("a").answer = absl::ResourceExhaustedError("busy");
  EXPECT_THAT(Fetch(take), StatusIs(absl::StatusCode::kResourceExhausted, _));
  at("c").pieces = {"x"};
  at("c").answer = absl::OkStatus();
  EXPECT_THAT(Fetch(take), IsOk());
  at("b").answer = absl::DataLossError("checksum");
  EXPECT_THAT(Fetch(take), StatusIs(absl::StatusCode::kDataLoss, _));
  fakes_.clear();
  EXPECT_THAT(Fetch(take), StatusIs(absl::StatusCode::kUnavailable, _));
}

}  // namespace
}  // namespace vecferry::service
