// The copies that a worker fetches: once for a host, on from what is there, and whole or not at all.
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/source/local_copies.h"
#include "common/sqlite/kept_copy.h"
#include "tests/support/file_source.h"
#include "tests/support/full_disk.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::source {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::FileSource;
using ::vecferry::testing::FullDisk;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

constexpr char kId[] = "01234567-89ab-4cde-8f01-23456789abcd";
constexpr std::uint64_t kMiB = 1 << 20;
constexpr int kRows = 1000;

bool Never() { return false; }

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A store of some 5.3 MiB.
std::string StoreBytes() {
  SqliteFile file;
  file.Run(
      absl::StrCat("CREATE TABLE a(n, filler);"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
                   kRows, ") INSERT INTO a SELECT i, printf('%05000d', i) FROM n"));
  file.Close();
  return Read(file.path());
}

class LocalCopiesTest : public ::testing::Test {
 protected:
  LocalCopiesTest() {
    std::string pattern = (fs::temp_directory_path() / "vecferry-copies-XXXXXX").string();
    scratch_ = mkdtemp(pattern.data());
    options_.pause = options_.pause_max = absl::Milliseconds(1);
  }
  ~LocalCopiesTest() override { fs::remove_all(scratch_); }

  absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> Open(const std::function<bool()>& stopping = Never) {
    return LocalCopies(scratch_, options_).Open(kId, source_, stopping);
  }
  void ExpectTheStore() {
    const auto connection = Open();
    ASSERT_THAT(connection, IsOk());
    EXPECT_EQ((*connection)->Take()->QueryValue("SELECT sum(n) FROM a")->integer, kRows * (kRows + 1) / 2);
    EXPECT_TRUE(Read(fetched_path()) == bytes_) << "it must be the coordinator's copy, byte by byte";
    EXPECT_EQ(Names(), std::set<std::string>{fs::path(fetched_path()).filename()});
  }
  void WritePart(const std::string& bytes) { std::ofstream(part_path(), std::ios::binary) << bytes; }
  std::string fetched_path() const { return absl::StrCat(scratch_, "/vecferry-fetched-", kId, ".db"); }
  std::string part_path() const { return absl::StrCat(fetched_path(), ".part"); }
  std::set<std::string> Names() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(scratch_)) names.insert(entry.path().filename().string());
    return names;
  }

  std::string scratch_;
  const std::string bytes_ = StoreBytes();
  FileSource source_{bytes_};
  FetchOptions options_;
};

TEST_F(LocalCopiesTest, FetchesACopyOnce) {
  ExpectTheStore();
  ExpectTheStore();
  EXPECT_EQ(source_.calls, 1);
  EXPECT_THAT(LocalCopies(scratch_).Open("../elsewhere", source_, Never),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no id")));
}

TEST_F(LocalCopiesTest, OpensTheCoordinatorsOwnWhereTheFolderIsShared) {
  std::ofstream(sqlite::KeptCopyPath(scratch_, kId), std::ios::binary) << bytes_;
  EXPECT_THAT(Open(), IsOk());
  EXPECT_EQ(source_.calls, 0);
  LocalCopies(scratch_).KeepOnly({});
  EXPECT_THAT(Open(), IsOk()) << "the coordinator's own is not for workers to remove";
}

TEST_F(LocalCopiesTest, GoesOnFromAPart) {
  WritePart(bytes_.substr(0, 2 * kMiB + kMiB / 2));
  ExpectTheStore();
  EXPECT_EQ(source_.bytes_sent, bytes_.size() - 2 * kMiB);
}

TEST_F(LocalCopiesTest, AsksForTheChecksumAloneWhereAPartIsWhole) {
  const std::string whole = bytes_.substr(0, 2 * kMiB);
  FileSource two(whole);
  WritePart(whole);
  EXPECT_THAT(LocalCopies(scratch_, options_).Open(kId, two, Never), StatusIs(absl::StatusCode::kDataLoss, _))
      << "it is no whole database";
  EXPECT_EQ(two.bytes_sent, 0u);
  EXPECT_TRUE(Read(fetched_path()) == whole);
}

TEST_F(LocalCopiesTest, BeginsAnewWhereAPartHoldsAnotherByteOrTooMany) {
  std::string other = bytes_.substr(0, 2 * kMiB);
  other[kMiB] ^= 1;
  for (const std::string& part : {other, bytes_ + other}) {
    fs::remove(fetched_path());
    WritePart(part);
    source_.bytes_sent = 0;
    ExpectTheStore();
    EXPECT_LE(source_.bytes_sent, 2 * bytes_.size());
  }
}

TEST_F(LocalCopiesTest, GivesUpWhatComesTwiceWithAnotherByte) {
  source_.before_chunk = [](std::uint64_t offset, std::string& data) {
    if (offset == kMiB) data[5] ^= 1;
    return absl::OkStatus();
  };
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr(kId), HasSubstr("twice"))));
  EXPECT_EQ(source_.calls, 2);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(LocalCopiesTest, GoesOnWhileACoordinatorThatGoesAwaySendsSomething) {
  options_.tries_max = 2;
  for (const absl::Status& away : {absl::UnavailableError("gone"), absl::CancelledError("its server ended"),
                                   absl::DataLossError("checksum"), absl::ResourceExhaustedError("busy")}) {
    fs::remove(fetched_path());
    source_.bytes_sent = 0;
    bool sent = false;
    source_.before_chunk = [&, away](std::uint64_t, std::string&) {
      sent = !sent;
      return sent ? absl::OkStatus() : away;
    };
    ExpectTheStore();
    EXPECT_EQ(source_.bytes_sent, bytes_.size()) << away;
  }
}

TEST_F(LocalCopiesTest, SaysWhyACoordinatorThatStaysAwaySentNoMoreAndKeepsWhatCame) {
  options_.tries_max = 3;
  options_.busy_max = absl::ZeroDuration();
  absl::Status away;
  source_.before_chunk = [&](std::uint64_t offset, std::string&) { return offset < kMiB ? absl::OkStatus() : away; };
  struct Case {
    absl::Status away;
    int calls;
  };
  // The first attempt made progress; what cannot pass is not tried again.
  for (const Case& each : {Case{absl::UnavailableError("gone"), 3}, Case{absl::UnavailableError("gone"), 3},
                           Case{absl::ResourceExhaustedError("8 of 8"), 1}, Case{absl::NotFoundError("unknown"), 1}}) {
    away = each.away;
    source_.calls = 0;
    EXPECT_EQ(Open().status(), away);
    EXPECT_EQ(source_.calls, each.calls) << away;
    EXPECT_TRUE(Read(part_path()) == bytes_.substr(0, kMiB));
  }
  source_.bytes_sent = 0;
  source_.before_chunk = nullptr;
  ExpectTheStore();
  EXPECT_EQ(source_.bytes_sent, bytes_.size() - kMiB);
}

TEST_F(LocalCopiesTest, StopsWhenItIsToldToAndKeepsWhatCame) {
  bool stopping = false;
  source_.before_chunk = [&](std::uint64_t offset, std::string&) {
    stopping = offset >= 3 * kMiB;
    return absl::OkStatus();
  };
  EXPECT_THAT(Open([&] { return stopping; }), StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
  stopping = false;
  source_.before_chunk = nullptr;
  source_.bytes_sent = 0;
  ExpectTheStore();
  EXPECT_LE(source_.bytes_sent, bytes_.size() - 3 * kMiB);
}

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

// Runs `body` in a process of its own; what waitpid() tells.
class Child {
 public:
  explicit Child(const std::function<int()>& body) : pid_(fork()) {
    if (pid_ == 0) _exit(body());
  }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return status;
  }

 private:
  const pid_t pid_;
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

TEST_F(LocalCopiesTest, SaysWhatRoomACopyNeedsBeforeItWritesAny) {
  {
    const FullDisk full(2 << 20);
    EXPECT_THAT(Open(),
                StatusIs(absl::StatusCode::kResourceExhausted,
                         AllOf(HasSubstr("no room"), HasSubstr(absl::StrCat(bytes_.size())), HasSubstr("ulimit"))));
  }
  EXPECT_EQ(source_.bytes_sent, kMiB);
  EXPECT_THAT(Names(), IsEmpty());
  ExpectTheStore();
}

// A disk of 8 MiB at `folder`, which this process alone sees; false where no file system may be mounted.
bool MountSmallDisk(const std::string& folder) {
  return unshare(getuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=8m") == 0;
}

TEST_F(LocalCopiesTest, LeavesNoPartOnADiskThatBecomesFull) {
  Child child([&] {
    const bool small = MountSmallDisk(scratch_);
    std::optional<FullDisk> limit;
    // Another fills the disk meanwhile.
    source_.before_chunk = [&](std::uint64_t offset, std::string&) {
      if (offset == kMiB && small) {
        std::ofstream(absl::StrCat(scratch_, "/ballast")) << std::string(7 * kMiB - 4096, 'b');
      } else if (offset == kMiB) {
        limit.emplace(kMiB + 4096);
      }
      return absl::OkStatus();
    };
    const absl::Status status = Open().status();
    std::set<std::string> left = Names();
    left.erase("ballast");
    if (status.code() == absl::StatusCode::kResourceExhausted && left.empty()) return 0;
    std::fprintf(stderr, "%s; %zu files are left\n", status.ToString().c_str(), left.size());
    return 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(LocalCopiesTest, RemovesWhatIsFetchedAndNamedByNobodyUnlessItIsHeld) {
  constexpr char kOther[] = "11111111-1111-4111-8111-111111111111";
  LocalCopies copies(scratch_, options_);
  auto held = copies.Open(kId, source_, Never);
  ASSERT_THAT(held, IsOk());
  ASSERT_THAT(copies.Open(kOther, source_, Never), IsOk());
  const std::string other = absl::StrCat("vecferry-fetched-", kOther, ".db");
  const std::set<std::string> stay = {fs::path(fetched_path()).filename(), "another.db",
                                      absl::StrCat("vecferry-source-", kOther, ".db"), "vecferry-fetched-a.db"};
  for (const std::string& name : stay) std::ofstream(absl::StrCat(scratch_, "/", name), std::ios::app);
  std::ofstream(absl::StrCat(scratch_, "/", other, ".part")) << "a part";
  copies.KeepOnly({kOther, kId});
  EXPECT_EQ(Names().size(), stay.size() + 2);
  copies.KeepOnly({});
  EXPECT_EQ(Names(), stay);
  held->reset();
  copies.KeepOnly({kId});
  EXPECT_EQ(Names(), stay);
  copies.KeepOnly({});
  EXPECT_EQ(Names().count(fs::path(fetched_path()).filename()), 0u);
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

TEST_F(LocalCopiesTest, LeavesAPartToWhoeverFetchesIt) {
  source_.before_chunk = [&](std::uint64_t, std::string&) {
    LocalCopies(scratch_).KeepOnly({});
    EXPECT_EQ(Names().count(fs::path(part_path()).filename()), 1u);
    return absl::OkStatus();
  };
  EXPECT_THAT(Open(), IsOk());
  EXPECT_EQ(source_.calls, 1);
}

}  // namespace
}  // namespace vecferry::source
