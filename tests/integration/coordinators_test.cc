// A worker's beats to its coordinators over real gRPC: those that are found, go away, come back, move.
#include "common/service/coordinators.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/mutex.h"
#include "common/telemetry/log.h"
#include "tests/support/fake_coordinator.h"
#include "tests/support/status_matchers.h"

namespace vecferry::service {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::vecferry::testing::FakeCoordinator;
using ::vecferry::testing::IsOk;

int CountOf(const std::string& words, const std::string& text) {
  return static_cast<int>(std::vector<std::string>(absl::StrSplit(text, words)).size()) - 1;
}

class CoordinatorsTest : public ::testing::Test {
 protected:
  CoordinatorsTest() {
    options_.targets = {{"coordinators", "7070"}};
    options_.beat.worker = "worker-1";
    options_.beat.kind = rpc::WorkerKind::kWriter;
    options_.beat.streams_max = 4;
    options_.resolve = [this](const HostPort&) { return Resolve(); };
    options_.resolve_interval = absl::Milliseconds(5);
    options_.on_snapshots = [this](const std::set<std::string>& in_use) {
      base::MutexLock lock(&mutex_);
      kept_ = in_use;
    };
  }

  // What the name stands for from now on.
  void Name(absl::StatusOr<std::vector<std::string>> addresses) {
    base::MutexLock lock(&mutex_);
    addresses_ = std::move(addresses);
  }
  absl::StatusOr<std::vector<std::string>> Resolve() {
    base::MutexLock lock(&mutex_);
    ++looks_;
    return addresses_;
  }
  int looks() {
    base::MutexLock lock(&mutex_);
    return looks_;
  }
  // What was said last to be kept.
  std::optional<std::set<std::string>> kept() {
    base::MutexLock lock(&mutex_);
    return kept_;
  }
  void Start() {
    coordinators_ = std::make_unique<Coordinators>(options_);
    coordinators_->Start("127.0.0.1:4711");
  }
  template <typename Condition>
  static void AwaitThat(Condition condition) {
    while (!condition()) std::this_thread::yield();
  }
  bool AllAnswered() { return coordinators_->snapshots().all_answered; }

  CoordinatorsOptions options_;
  base::Mutex mutex_;
  absl::StatusOr<std::vector<std::string>> addresses_ ABSL_GUARDED_BY(mutex_) = std::vector<std::string>();
  int looks_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<std::set<std::string>> kept_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Coordinators> coordinators_;
};

TEST_F(CoordinatorsTest, EveryAddressOfANameIsToldOfTheWorker) {
  FakeCoordinator first, second;
  Name({{first.address(), second.address()}});
  Start();
  for (FakeCoordinator* coordinator : {&first, &second}) {
    const v1::BeatRequest beat = coordinator->AwaitBeat();
    EXPECT_EQ(beat.worker(), "worker-1");
    EXPECT_EQ(beat.kind(), v1::WORKER_KIND_WRITER);
    EXPECT_EQ(beat.address(), "127.0.0.1:4711");
    EXPECT_EQ(beat.streams_max(), 4u);
    EXPECT_FALSE(beat.draining());
    coordinator->AwaitMore(2);  // at the interval that it asked for
  }
  AwaitThat([this] { return AllAnswered(); });
}

TEST_F(CoordinatorsTest, TheAddressIsTheAdvertisedOneAndAReaderHasNone) {
  FakeCoordinator coordinator;
  Name({{coordinator.address()}});
  options_.beat.address = "writer:7070";
  Start();
  EXPECT_EQ(coordinator.AwaitBeat().address(), "writer:7070");
  coordinators_.reset();
  options_.beat.kind = rpc::WorkerKind::kReader;
  const int before = coordinator.beats();
  Start();
  EXPECT_EQ(coordinator.AwaitBeat(before + 1).address(), "");
}

TEST_F(CoordinatorsTest, IsReadyWhileOneAnswersAndSaysSoOnceWhenItDoesNot) {
  ASSERT_THAT(telemetry::StartLogging({.level = "info"}), IsOk());
  ::testing::internal::CaptureStderr();
  FakeCoordinator coordinator;
  Name({{coordinator.address()}});
  Start();
  AwaitThat([this] { return coordinators_->WhyNotReady().empty(); });
  coordinator.Stop();
  AwaitThat([this] { return !coordinators_->WhyNotReady().empty(); });
  EXPECT_THAT(coordinators_->WhyNotReady(), HasSubstr("coordinators port 7070"));
  coordinator.StartAgain();
  AwaitThat([this] { return coordinators_->WhyNotReady().empty(); });
  coordinators_.reset();
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(CountOf("does not answer", log), 1) << log;
  EXPECT_EQ(CountOf("answers again", log), 1) << log;
}

TEST_F(CoordinatorsTest, OneThatComesLaterIsFound) {
  Name(absl::UnavailableError("no such name"));
  Start();
  EXPECT_THAT(coordinators_->WhyNotReady(), HasSubstr("no coordinator"));
  FakeCoordinator coordinator;
  Name({{coordinator.address()}});
  coordinator.AwaitBeat();
  AwaitThat([this] { return coordinators_->WhyNotReady().empty(); });
}

TEST_F(CoordinatorsTest, ADrainIsToldAtOnceAlsoToThoseFoundLater) {
  FakeCoordinator first(absl::Minutes(1)), second(absl::Minutes(1));
  Name({{first.address()}});
  Start();
  EXPECT_FALSE(first.AwaitBeat(1).draining());
  coordinators_->BeginDrain();
  EXPECT_TRUE(first.AwaitBeat(2).draining());
  Name({{first.address(), second.address()}});
  EXPECT_TRUE(second.AwaitBeat(1).draining());
}

TEST_F(CoordinatorsTest, NobodyEndsWithoutHavingToldTheDrain) {
  FakeCoordinator coordinator(absl::Minutes(1));
  Name({{coordinator.address()}});
  Start();
  coordinator.AwaitBeat(1);
  coordinators_->BeginDrain();
  coordinators_.reset();
  ASSERT_EQ(coordinator.beats(), 2);
  EXPECT_TRUE(coordinator.AwaitBeat(2).draining());
}

TEST_F(CoordinatorsTest, OneThatIsFoundNoMoreStaysWhileItAnswers) {
  // A machine under load must not make them look silent.
  FakeCoordinator first(absl::Milliseconds(300)), second(absl::Milliseconds(300), {"of the second"});
  options_.snapshots_kept = absl::ZeroDuration();
  Name({{first.address(), second.address()}});
  Start();
  AwaitThat([this] { return AllAnswered(); });
  Name({{first.address()}});
  second.AwaitMore(2);
  EXPECT_TRUE(AllAnswered());
  EXPECT_THAT(coordinators_->snapshots().in_use, ElementsAre("of the second"));
  second.Stop();
  AwaitThat([this] { return coordinators_->snapshots().in_use.empty(); });
  EXPECT_TRUE(coordinators_->WhyNotReady().empty());
}

TEST_F(CoordinatorsTest, OneThatIsFoundNoMoreStaysWhileLeasesOfItRun) {
  FakeCoordinator first, second;
  Name({{first.address(), second.address()}});
  Start();
  AwaitThat([this] { return AllAnswered(); });
  std::optional<rpc::Lease> lease;
  while (!lease || lease->writer != second.address()) {
    const auto acquired = coordinators_->leases().Acquire("worker-1");
    ASSERT_THAT(acquired, IsOk());
    lease = acquired->lease;
  }
  Name({{first.address()}});
  second.Stop();
  AwaitThat([this] { return !AllAnswered(); });
  const int looked = looks();
  AwaitThat([&] { return looks() > looked + 2; });
  EXPECT_FALSE(AllAnswered()) << "the second is still among them";
  EXPECT_THAT(coordinators_->leases().Complete(*lease), IsOk());
  AwaitThat([this] { return AllAnswered(); });
}

TEST_F(CoordinatorsTest, ANameServerThatIsAwayMovesNobody) {
  FakeCoordinator coordinator;
  Name({{coordinator.address()}});
  Start();
  AwaitThat([this] { return AllAnswered(); });
  Name(absl::UnavailableError("no name server"));
  AwaitThat([this] { return !AllAnswered(); });
  coordinator.Stop();
  AwaitThat([this] { return !coordinators_->WhyNotReady().empty(); });
  const int looked = looks();
  AwaitThat([&] { return looks() > looked + 2; });
  coordinator.StartAgain();
  AwaitThat([this] { return coordinators_->WhyNotReady().empty(); });
}

TEST_F(CoordinatorsTest, CopiesOfAllAreInUseAndForAWhileThoseThatWere) {
  FakeCoordinator first(absl::Milliseconds(10), {"s1", "s2"}), second(absl::Milliseconds(10), {"s3"});
  second.Stop();
  Name({{first.address(), second.address()}});
  Start();
  first.AwaitMore(3);
  const int looked = looks();
  AwaitThat([&] { return looks() > looked + 2; });
  EXPECT_EQ(kept(), std::nullopt) << "the second may be using others";
  second.StartAgain();
  AwaitThat([this] { return kept().has_value(); });
  EXPECT_THAT(*kept(), ElementsAre("s1", "s2", "s3"));
  first.set_snapshots({"s2"});
  first.AwaitMore(2);
  EXPECT_THAT(coordinators_->snapshots().in_use, ElementsAre("s1", "s2", "s3"));
  coordinators_.reset();
  options_.snapshots_kept = absl::ZeroDuration();
  Start();
  AwaitThat([this] { return kept() == std::set<std::string>{"s2", "s3"}; });
  first.set_snapshots({"s4"});
  AwaitThat([this] { return kept() == std::set<std::string>{"s3", "s4"}; });
}

TEST_F(CoordinatorsTest, PlainTextDoesNotLeaveTheMachineUnasked) {
  FakeCoordinator first, second;
  // Linux takes it for this machine; but it is no loopback address.
  const std::string beyond = absl::StrCat("0.0.0.0", second.address().substr(second.address().rfind(':')));
  Name({{beyond, first.address()}});
  Start();
  first.AwaitMore(5);
  EXPECT_FALSE(AllAnswered()) << "one is not joined";
  EXPECT_EQ(second.beats(), 0);
  coordinators_.reset();
  options_.insecure = true;
  Start();
  second.AwaitBeat();
}

}  // namespace
}  // namespace vecferry::service
