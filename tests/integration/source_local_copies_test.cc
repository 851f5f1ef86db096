// The copies that a worker fetches: on from what is there, and whole or not at all.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sqlite/kept_copy.h"
#include "tests/support/child.h"
#include "tests/support/full_disk.h"
#include "tests/support/local_copies_fixture.h"

namespace vecferry::source {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::Child;
using ::vecferry::testing::FullDisk;

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
