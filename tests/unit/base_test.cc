#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/fault_points.h"
#include "common/base/mutex.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace vecferry::base {
namespace {

using ::testing::ElementsAre;

TEST(Sha256Test, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(BoundedQueueTest, GivesItemsInTheirOrder) {
  BoundedQueue<int> queue(100);
  for (const int item : {1, 2, 3}) ASSERT_TRUE(queue.Push(item, 10).ok());
  std::vector<int> popped;
  for (int i = 0; i < 3; ++i) popped.push_back(*queue.Pop());
  EXPECT_THAT(popped, ElementsAre(1, 2, 3));
}

TEST(BoundedQueueTest, RefusesMoreBytesThanItsBoundUntilTheDeadline) {
  BoundedQueue<int> queue(100);
  ASSERT_TRUE(queue.Push(1, 60).ok());
  EXPECT_EQ(queue.Push(2, 60, absl::Now()).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(queue.Push(3, 40, absl::Now()).ok());
  EXPECT_EQ(*queue.Pop(), 1);
  EXPECT_EQ(*queue.Pop(), 3) << "the refused item is not in the queue";
}

TEST(BoundedQueueTest, AdmitsAnItemLargerThanTheBoundAlone) {
  BoundedQueue<int> queue(100);
  ASSERT_TRUE(queue.Push(1, 1000).ok());
  EXPECT_EQ(queue.Push(2, 1, absl::Now()).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(*queue.Pop(), 1);
  EXPECT_TRUE(queue.Push(2, 1, absl::Now()).ok());
}

TEST(BoundedQueueTest, EmptyQueueTellsTheDeadline) {
  BoundedQueue<int> queue(100);
  EXPECT_EQ(queue.Pop(absl::Now()).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(queue.Pop(absl::InfinitePast()).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(BoundedQueueTest, ClosedQueueIsDrainedBeforeItCancels) {
  BoundedQueue<std::unique_ptr<int>> queue(100);
  ASSERT_TRUE(queue.Push(std::make_unique<int>(7), 1).ok());
  queue.Close();
  EXPECT_EQ(queue.Push(std::make_unique<int>(8), 1).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(**queue.Pop(), 7);
  EXPECT_EQ(queue.Pop().status().code(), absl::StatusCode::kCancelled);
}

TEST(BoundedQueueTest, CloseWakesTheOneWhoWaits) {
  BoundedQueue<int> queue(1);
  absl::Status popped;
  std::thread consumer([&] { popped = queue.Pop().status(); });
  queue.Close();
  consumer.join();
  EXPECT_EQ(popped.code(), absl::StatusCode::kCancelled);
}

TEST(BoundedQueueTest, CarriesEveryItemOnceBetweenThreads) {
  constexpr int kItems = 5000, kProducers = 3;
  BoundedQueue<int> queue(64);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = p; i < kItems; i += kProducers) ASSERT_TRUE(queue.Push(i, i % 100).ok());
    });
  }
  std::vector<int> seen(kItems, 0);
  std::thread consumer([&] {
    for (absl::StatusOr<int> item = queue.Pop(); item.ok(); item = queue.Pop()) ++seen[*item];
  });
  for (std::thread& producer : producers) producer.join();
  queue.Close();
  consumer.join();
  EXPECT_THAT(seen, ::testing::Each(1));
}

TEST(MutexTest, AwaitWakesThoseWhoWaitForWhatItsCallerChanged) {
  // Each changes the stage and then waits without unlocking in between.
  Mutex mutex;
  int stage = 0;
  std::thread other([&] {
    MutexLock lock(&mutex);
    stage = 1;
    mutex.Await([&] { return stage == 2; });
    stage = 3;
    EXPECT_TRUE(mutex.AwaitUntil(absl::Now() + absl::Minutes(1), [&] { return stage == 4; }));
  });
  {
    MutexLock lock(&mutex);
    mutex.Await([&] { return stage == 1; });
    stage = 2;
    mutex.Await([&] { return stage == 3; });
    stage = 4;
  }
  other.join();
  EXPECT_EQ(stage, 4);
}

TEST(MutexTest, AwaitUntilEndsAtTheDeadline) {
  Mutex mutex;
  MutexLock lock(&mutex);
  EXPECT_FALSE(mutex.AwaitUntil(absl::Now() + absl::Milliseconds(1), [] { return false; }));
  EXPECT_FALSE(mutex.AwaitUntil(absl::InfinitePast(), [] { return false; }));
  EXPECT_TRUE(mutex.AwaitUntil(absl::InfinitePast(), [] { return true; }));
}

TEST(MutexTest, MayBeDestroyedByTheWaiterThatSawItsCondition) {
  // What Unlock does after its condition holds must not touch the object any more (found by ASan and TSan).
  for (int i = 0; i < 2000; ++i) {
    auto mutex = std::make_unique<Mutex>();
    bool done = false;
    std::thread other([&done, raw = mutex.get()] {
      MutexLock lock(raw);
      done = true;
    });
    {
      MutexLock lock(mutex.get());
      mutex->Await([&] { return done; });
    }
    mutex.reset();
    other.join();
  }
}

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  RETURN_IF_ERROR(Half(half).status());
  return Half(half);
}

TEST(StatusMacrosTest, ReturnTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(Quarter(5).status(), absl::InvalidArgumentError("odd"));
}

// Each case runs in a child process: a point reads its setting once.
void PassThrice(const char* setting) {
  if (setting != nullptr) setenv("VECFERRY_FAULT", setting, 1);
  for (int i = 0; i < 3; ++i) FaultPoint("writer.before_commit");
  std::exit(0);
}

TEST(FaultPointDeathTest, KillsAtTheNthPass) {
  EXPECT_EXIT(PassThrice("writer.before_commit:3"), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(PassThrice("writer.before_commit"), ::testing::KilledBySignal(SIGKILL), "");
}

TEST(FaultPointDeathTest, PassesWhenNotMeant) {
  EXPECT_EXIT(PassThrice(nullptr), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(PassThrice("writer.before_commit:4"), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(PassThrice("reader.before_send:1"), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(PassThrice("writer.before_commit:1:pause"), ::testing::ExitedWithCode(0), "");
}

TEST(FaultPointDeathTest, SeveralAreArmedAtOnce) {
  EXPECT_EXIT(PassThrice("reader.before_send:1,writer.before_commit:2"), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(PassThrice("writer.before_commit:2,reader.before_send:1"), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(PassThrice("writer.before_commit:4,reader.before_send:1"), ::testing::ExitedWithCode(0), "");
}

TEST(FaultPointTest, StopsInPlaceOfKilling) {
  const pid_t child = fork();
  if (child == 0) PassThrice("writer.before_commit:2:stop");
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(WIFSTOPPED(status)) << "status " << status;
  kill(child, SIGCONT);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "it goes on behind the point";
}

}  // namespace
}  // namespace vecferry::base
