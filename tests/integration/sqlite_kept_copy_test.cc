// Copies of a store that stay, for other processes to read.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/sqlite/kept_copy.h"
#include "common/sqlite/snapshot.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::_;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

bool Never() { return false; }

class KeptCopyTest : public ::testing::Test {
 protected:
  KeptCopyTest() { fs::create_directory(scratch_); }

  // 2,000 rows in the file and 1,000 more in its log alone.
  void WriteWalStore() {
    file_.Run(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE a(n, filler);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
        " INSERT INTO a SELECT i, printf('%0500d', i) FROM n; PRAGMA wal_checkpoint(TRUNCATE);"
        "WITH RECURSIVE n(i) AS (SELECT 2001 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO a SELECT i, 'x' FROM n");
  }
  absl::StatusOr<KeptCopy> Make() { return MakeKeptCopy(file_.path(), scratch_, Never); }
  std::int64_t Sum(const std::string& path) {
    const auto connection = ConnectToCopy(path);
    EXPECT_THAT(connection, IsOk());
    if (!connection.ok()) return -1;
    const auto sum = (*connection)->Take()->QueryValue("SELECT sum(n) FROM a");
    EXPECT_THAT(sum, IsOk());
    return sum.ok() ? sum->integer : -1;
  }
  std::set<std::string> Names() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(scratch_)) names.insert(entry.path().filename().string());
    return names;
  }
  // What one copy consists of.
  static std::set<std::string> NamesOf(const KeptCopy& copy) {
    const std::string name = fs::path(copy.path).filename().string();
    return {name, absl::StrCat(name, ".seal")};
  }
  void Put(const std::string& name) { std::ofstream(absl::StrCat(scratch_, "/", name)) << "something"; }

  SqliteFile file_;
  const std::string scratch_ = absl::StrCat(fs::path(file_.path()).parent_path().string(), "/scratch");
};

constexpr std::int64_t kSumOf3000 = 3000 * 3001 / 2;

TEST_F(KeptCopyTest, HoldsTheStoreWithWhatIsInItsLogAndStaysWhileTheStoreGoesOn) {
  WriteWalStore();
  const auto copy = Make();
  ASSERT_THAT(copy, IsOk());
  EXPECT_EQ(Names(), NamesOf(*copy));
  EXPECT_EQ(copy->path, absl::StrCat(scratch_, "/vecferry-source-", copy->id, ".db"));
  EXPECT_EQ(static_cast<std::int64_t>(fs::file_size(copy->path)), copy->sum.bytes);
  file_.Run("UPDATE a SET n = 0");
  EXPECT_EQ(Sum(copy->path), kSumOf3000);
}

TEST_F(KeptCopyTest, HasTheFingerprintOfTheStateItWasMadeOf) {
  for (const char* mode : {"WAL", "DELETE"}) {
    SqliteFile file;
    file.Run(absl::StrCat("PRAGMA journal_mode = ", mode, "; CREATE TABLE a(n); INSERT INTO a VALUES (1)"));
    file.Close();
    // A fresh time could be that of a later write in the same tick of the clock: an old one can be compared.
    fs::last_write_time(file.path(), fs::last_write_time(file.path()) - std::chrono::minutes(1));
    const auto copy = MakeKeptCopy(file.path(), scratch_, Never);
    ASSERT_THAT(copy, IsOk());
    const auto direct = Snapshot::Open(file.path(), 1, {.mode = SnapshotMode::kDirect});
    ASSERT_THAT(direct, IsOk());
    EXPECT_EQ((*direct)->fingerprint(), copy->fingerprint) << mode;
  }
}

TEST_F(KeptCopyTest, IsMadeOfAStoreThatOnlyARecoveredCopyShows) {
  WriteWalStore();
  // As a killed program leaves it, on a volume that cannot be written.
  const std::string folder = absl::StrCat(fs::path(file_.path()).parent_path().string(), "/killed");
  fs::create_directory(folder);
  const std::string path = absl::StrCat(folder, "/store.db");
  fs::copy_file(file_.path(), path);
  fs::copy_file(absl::StrCat(file_.path(), "-wal"), absl::StrCat(path, "-wal"));
  for (const std::string& name : {path, absl::StrCat(path, "-wal")}) fs::permissions(name, fs::perms(0444));
  fs::permissions(folder, fs::perms(0555));
  fs::permissions(fs::path(file_.path()).parent_path(), fs::perms(0755));
  fs::permissions(scratch_, fs::perms(0777));
  const pid_t child = fork();
  if (child == 0) {
    // Root may write everywhere.
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(90);
    const auto copy = MakeKeptCopy(path, scratch_, Never);
    if (!copy.ok()) std::fprintf(stderr, "%s\n", copy.status().ToString().c_str());
    _exit(copy.ok() && Names() == NamesOf(*copy) && Sum(copy->path) == kSumOf3000 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  fs::permissions(folder, fs::perms(0755));
}

TEST_F(KeptCopyTest, IsFoundByAnotherProcessWithItsFingerprint) {
  WriteWalStore();
  std::string id, fingerprint;
  {
    const auto copy = Make();
    ASSERT_THAT(copy, IsOk());
    id = copy->id;
    fingerprint = copy->fingerprint;
  }
  const auto found = FindKeptCopy(scratch_, id, Never);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->fingerprint, fingerprint);
  EXPECT_EQ(Sum(found->path), kSumOf3000);
}

TEST_F(KeptCopyTest, IsNotFoundUnlessWholeAndAsItWasMade) {
  WriteWalStore();
  auto made = Make();
  ASSERT_THAT(made, IsOk());
  const KeptCopy copy = *std::move(made);
  EXPECT_THAT(FindKeptCopy(scratch_, "00000000-0000-4000-8000-000000000000", Never),
              StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_THAT(FindKeptCopy(scratch_, "../../../../../../../etc/passwd/..../", Never),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no id")));
  EXPECT_THAT(FindKeptCopy(scratch_, copy.id, [] { return true; }), StatusIs(absl::StatusCode::kCancelled, _));
  {
    std::fstream file(copy.path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(copy.sum.bytes / 2);
    file.put('\xff');
  }
  EXPECT_THAT(FindKeptCopy(scratch_, copy.id, Never), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("differs")));
  fs::resize_file(copy.path, static_cast<std::uintmax_t>(copy.sum.bytes) - 4096);
  EXPECT_THAT(FindKeptCopy(scratch_, copy.id, Never),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(absl::StrCat("of ", copy.sum.bytes))));
  // As a maker that was killed before it wrote the seal, or in the middle of that, leaves it.
  for (const char* seal : {"", "4096 00"}) {
    std::ofstream(absl::StrCat(copy.path, ".seal"), std::ios::trunc) << seal;
    EXPECT_THAT(FindKeptCopy(scratch_, copy.id, Never), StatusIs(absl::StatusCode::kNotFound, _));
  }
}

TEST_F(KeptCopyTest, LeavesNothingThatTheNextMakerDoesNotRemoveWhenItIsKilled) {
  WriteWalStore();
  const pid_t child = fork();
  if (child == 0) {
    // Asked between two steps, with the scratch file half written.
    static_cast<void>(MakeKeptCopy(file_.path(), scratch_, [] { return kill(getpid(), SIGKILL) != 0; }));
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const std::set<std::string> left = Names();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(*left.begin(), "vecferry-snapshot-")) << "a half copy has no name that is looked for";
  const auto copy = Make();
  ASSERT_THAT(copy, IsOk());
  EXPECT_EQ(Names(), NamesOf(*copy));
}

TEST_F(KeptCopyTest, IsGivenUpWithoutATrace) {
  WriteWalStore();
  const auto summing = [this] {
    const std::set<std::string> names = Names();
    return !names.empty() && absl::StartsWith(*names.begin(), "vecferry-source-");
  };
  for (const auto& stopping : std::initializer_list<std::function<bool()>>{[] { return true; }, summing}) {
    EXPECT_THAT(MakeKeptCopy(file_.path(), scratch_, stopping),
                StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
    EXPECT_THAT(Names(), IsEmpty());
  }
}

TEST_F(KeptCopyTest, IsNotMadeOfADamagedStore) {
  WriteWalStore();
  file_.Close();
  {
    std::fstream file(file_.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 20);
    file.write(std::string(4096, '\x55').data(), 4096);
  }
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(file_.path())));
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(KeptCopyTest, IsNotRemovedWhileSomebodyHoldsIt) {
  WriteWalStore();
  std::optional<KeptCopy> copy;
  {
    auto made = Make();
    ASSERT_THAT(made, IsOk());
    copy = *std::move(made);
  }
  const std::string id = copy->id, path = copy->path;
  EXPECT_FALSE(RemoveKeptCopy(scratch_, id));
  auto connection = ConnectToCopy(path);
  ASSERT_THAT(connection, IsOk());
  copy.reset();
  EXPECT_FALSE(RemoveKeptCopy(scratch_, id)) << "a connection holds it too";
  EXPECT_THAT(UnheldCopiesBut(scratch_, {}), IsEmpty());
  EXPECT_EQ(Sum(path), kSumOf3000);
  connection->reset();
  EXPECT_TRUE(RemoveKeptCopy(scratch_, id));
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_THAT(ConnectToCopy(path), StatusIs(absl::StatusCode::kNotFound, _));
  EXPECT_TRUE(RemoveKeptCopy(scratch_, id)) << "a second time changes nothing";
}

TEST_F(KeptCopyTest, ListsAllUnheldCopiesButTheNamedAndNothingElse) {
  WriteWalStore();
  const auto held = Make();
  const std::string named = Make()->id, gone = Make()->id;
  const std::set<std::string> others = {"vecferry-source-a.db", "vecferry-fetched-" + gone + ".db",
                                        "vecferry-source-" + gone, "another.db"};
  for (const std::string& name : others) Put(name);
  const std::set<std::string> all = Names();
  EXPECT_EQ(UnheldCopiesBut(scratch_, {named}), std::set<std::string>{gone});
  EXPECT_FALSE(RemoveKeptCopy(scratch_, "a"));
  EXPECT_EQ(Names(), all);
}

}  // namespace
}  // namespace vecferry::sqlite
