// The copies that the threads and processes of a host fetch together: once, and on from what another left.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/child.h"
#include "tests/support/local_copies_fixture.h"

namespace vecferry::source {
namespace {

using ::testing::HasSubstr;
using ::vecferry::testing::Child;

TEST_F(LocalCopiesTest, FetchesOnceForManyThreads) {
  std::atomic<int> waiting = 0;
  source_.before_chunk = [&](std::uint64_t, std::string&) {
    while (waiting < 3) std::this_thread::yield();
    return absl::OkStatus();
  };
  LocalCopies copies(scratch_, options_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      bool counted = false;
      const auto connection = copies.Open(kId, source_, [&] {
        // Asked by those who wait for the lock, and by the one who has it.
        if (!std::exchange(counted, true)) ++waiting;
        return false;
      });
      EXPECT_THAT(connection, IsOk());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(source_.calls, 1);
  source_.before_chunk = nullptr;
  ExpectTheStore();
}

// What processes of one test have in common.
struct Shared {
  std::atomic<int> fetching = 0, waiting = 0;
};

class SharedMemory {
 public:
  SharedMemory() : memory_(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    new (memory_) Shared;
  }
  ~SharedMemory() { munmap(memory_, sizeof(Shared)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  Shared* operator->() { return static_cast<Shared*>(memory_); }

 private:
  void* const memory_;
};

TEST_F(LocalCopiesTest, FetchesOnceForManyProcesses) {
  SharedMemory shared;
  source_.before_chunk = [&](std::uint64_t, std::string&) {
    while (shared->waiting == 0) std::this_thread::yield();
    return absl::OkStatus();
  };
  Child first([&] {
    const auto opened = Open([&] {
      shared->fetching = 1;
      return false;
    });
    return opened.ok() && source_.calls == 1 ? 0 : 1;
  });
  Child second([&] {
    while (shared->fetching == 0) std::this_thread::yield();
    const auto opened = Open([&] {
      shared->waiting = 1;
      return false;
    });
    return opened.ok() && source_.calls == 0 ? 0 : 1;
  });
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
  source_.before_chunk = nullptr;
  ExpectTheStore();
}

TEST_F(LocalCopiesTest, GoesOnFromWhatAKilledProcessLeft) {
  Child killed([&] {
    source_.before_chunk = [](std::uint64_t offset, std::string&) {
      if (offset == 4 * kMiB) kill(getpid(), SIGKILL);
      return absl::OkStatus();
    };
    return Open().ok() ? 0 : 1;
  });
  ASSERT_TRUE(WIFSIGNALED(killed.Wait()));
  ExpectTheStore();
  EXPECT_EQ(source_.bytes_sent, bytes_.size() - 4 * kMiB);
}

TEST_F(LocalCopiesTest, WaitsNoLongerForAnotherThatAddsNothing) {
  std::atomic<bool> fetching = false, given_up = false;
  source_.before_chunk = [&](std::uint64_t offset, std::string&) {
    if (offset < kMiB) return absl::OkStatus();
    fetching = true;
    while (!given_up) std::this_thread::yield();
    return absl::OkStatus();
  };
  std::thread stopped([this] { EXPECT_THAT(Open(), IsOk()); });
  while (!fetching) std::this_thread::yield();
  options_.stalled_max = absl::Milliseconds(1);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(scratch_)));
  given_up = true;
  stopped.join();
  EXPECT_EQ(source_.calls, 1);
}

}  // namespace
}  // namespace vecferry::source
