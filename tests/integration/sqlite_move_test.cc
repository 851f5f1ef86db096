// Snapshots that are held on the store itself until another program is in need of it.
#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/sqlite/opened_store.h"
#include "common/sqlite/snapshot.h"
#include "tests/support/full_disk.h"
#include "tests/support/other_program.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::vecferry::testing::FullDisk;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::OtherProgram;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

constexpr int kRows = 2000, kConnections = 3;
constexpr char kWritePair[] = "db.executescript('BEGIN; DELETE FROM a; INSERT INTO b VALUES (0, 0); COMMIT')\n";
constexpr char kCutLog[] = "sys.exit(db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0])\n";

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::int64_t Number(Snapshot& snapshot, int connection, const std::string& sql) {
  const auto value = snapshot.connection(connection).Take()->QueryValue(sql);
  EXPECT_THAT(value, IsOk());
  return value.ok() ? value->integer : -1;
}

class MoveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(file_.path()).parent_path().string();
    options_.scratch_dir = absl::StrCat(folder_, "/scratch");
    options_.on_notice = [this](const std::string& notice) {
      base::MutexLock lock(&mutex_);
      notices_.push_back(notice);
    };
    fs::create_directory(options_.scratch_dir);
  }
  // Tables a and b of kRows rows each, last written 11 minutes ago.
  void WriteStore(const std::string& journal_mode = "DELETE") {
    file_.Run(absl::StrCat("PRAGMA journal_mode = ", journal_mode,
                           "; CREATE TABLE a(n, filler); CREATE TABLE b(n, filler);",
                           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ", kRows,
                           ") INSERT INTO a SELECT i, printf('%0500d', i) FROM n; INSERT INTO b SELECT * FROM a"));
    file_.Close();
    Age("");
  }
  void Age(const std::string& sidecar) {
    fs::last_write_time(file_.path() + sidecar, fs::file_time_type::clock::now() - std::chrono::minutes(11));
  }
  void Open() {
    absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = Snapshot::Open(file_.path(), kConnections, options_);
    ASSERT_THAT(snapshot, IsOk());
    snapshot_ = *std::move(snapshot);
  }
  void AwaitMove() {
    while (!snapshot_->is_copy()) std::this_thread::yield();
  }
  std::vector<std::string> notices() {
    base::MutexLock lock(&mutex_);
    return notices_;
  }
  void AwaitNotice() {
    base::MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !notices_.empty(); });
  }
  void ExpectTheOldInstant() {
    for (int i = 0; i < kConnections; ++i) {
      for (const char* table : {"a", "b"}) {
        EXPECT_EQ(Number(*snapshot_, i, absl::StrCat("SELECT count(*) FROM ", table)), kRows) << table << i;
        EXPECT_EQ(Number(*snapshot_, i, absl::StrCat("SELECT sum(n) FROM ", table)), kRows * (kRows + 1) / 2);
      }
    }
  }
  std::set<std::string> Names(const std::string& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
    return names;
  }

  SqliteFile file_;
  std::string folder_;
  SnapshotOptions options_;
  base::Mutex mutex_;
  std::vector<std::string> notices_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Snapshot> snapshot_;
};

TEST_F(MoveTest, HoldsAStoreThatNobodyWroteLatelyAndLeavesNothing) {
  WriteStore();
  const std::string before = Read(file_.path());
  EXPECT_EQ(*WhenCopied(file_.path(), SnapshotMode::kAuto), CopyTime::kOnDemand);
  Open();
  EXPECT_FALSE(snapshot_->is_copy());
  ExpectTheOldInstant();
  EXPECT_THAT(Names(options_.scratch_dir), IsEmpty());
  EXPECT_THAT(Names(folder_), ElementsAre("scratch", "store.db"));
  snapshot_.reset();
  EXPECT_EQ(Read(file_.path()), before);
  EXPECT_THAT(notices(), IsEmpty());
}

TEST_F(MoveTest, CopiesAStoreFirstThatWasWrittenLately) {
  WriteStore("PERSIST");
  fs::last_write_time(file_.path() + "-journal", fs::file_time_type::clock::now());
  EXPECT_EQ(*WhenCopied(file_.path(), SnapshotMode::kAuto), CopyTime::kFirst) << "by its journal";
  Open();
  EXPECT_TRUE(snapshot_->is_copy());
  Age("-journal");
  EXPECT_EQ(*WhenCopied(file_.path(), SnapshotMode::kAuto), CopyTime::kOnDemand);
  file_.Run("INSERT INTO a VALUES (0, 0)");  // ends the test when it meets a lock
  EXPECT_EQ(*WhenCopied(file_.path(), SnapshotMode::kAuto), CopyTime::kFirst) << "by the file itself";
  EXPECT_EQ(*WhenCopied(file_.path(), SnapshotMode::kDirect), CopyTime::kNever);
  ExpectTheOldInstant();
}

TEST_F(MoveTest, LetsAWaitingWriterGoOnAndKeepsItsInstant) {
  WriteStore();
  Open();
  const std::string fingerprint = snapshot_->fingerprint();
  EXPECT_EQ(OtherProgram(file_.path(), kWritePair).Wait(), 0);
  EXPECT_TRUE(snapshot_->is_copy());
  ExpectTheOldInstant();
  EXPECT_EQ(snapshot_->fingerprint(), fingerprint);
  EXPECT_THAT(Names(options_.scratch_dir), IsEmpty());
  file_.Run("DROP TABLE b");  // nobody holds a lock any more
  ExpectTheOldInstant();
  AwaitNotice();
  EXPECT_THAT(notices(), ElementsAre(AllOf(HasSubstr("waits to write"), HasSubstr(options_.scratch_dir))));
}

TEST_F(MoveTest, KeepsATurnsDatabaseUntilTheTurnEnds) {
  WriteStore();
  Open();
  std::optional<OtherProgram> writer;
  {
    const SnapshotConnection::Turn turn = snapshot_->connection(1).Take();
    absl::StatusOr<Statement> rows = turn->Prepare("SELECT n FROM a");
    ASSERT_THAT(rows, IsOk());
    ASSERT_THAT(rows->Step(), IsOk());
    writer.emplace(file_.path(), kWritePair);
    AwaitMove();
    int count = 1;
    while (*rows->Step()) ++count;
    EXPECT_EQ(count, kRows);
  }
  EXPECT_EQ(writer->Wait(), 0);
  ExpectTheOldInstant();
}

TEST_F(MoveTest, DoesNotWaitForAStatementThatIsKeptBetweenTurns) {
  WriteStore();
  Open();
  std::optional<Statement> kept;
  const Database* first = nullptr;
  {
    const SnapshotConnection::Turn turn = snapshot_->connection(1).Take();
    first = &*turn;
    kept = *turn->Prepare("SELECT n FROM a");
    ASSERT_THAT(kept->Step(), IsOk());
  }
  EXPECT_EQ(OtherProgram(file_.path(), kWritePair).Wait(), 0);
  {
    const SnapshotConnection::Turn turn = snapshot_->connection(1).Take();
    EXPECT_NE(&*turn, first);
    kept.reset();
  }
  ExpectTheOldInstant();
}

TEST_F(MoveTest, GivesAWalStoreFreeWhenItsLogGrows) {
  WriteStore("WAL");
  options_.wal_bytes_max = 4 << 20;
  Open();
  EXPECT_EQ(OtherProgram(file_.path(), kWritePair).Wait(), 0);
  EXPECT_FALSE(snapshot_->is_copy());
  EXPECT_EQ(OtherProgram(file_.path(), kCutLog, /*patience_seconds=*/0).Wait(), 1) << "the log is still needed";
  EXPECT_EQ(OtherProgram(file_.path(), "db.execute('INSERT INTO b VALUES (0, zeroblob(5000000))')").Wait(), 0);
  AwaitMove();
  AwaitNotice();  // told when the last connection is closed
  EXPECT_EQ(OtherProgram(file_.path(), kCutLog, /*patience_seconds=*/0).Wait(), 0);
  ExpectTheOldInstant();
  EXPECT_THAT(notices(), ElementsAre(AllOf(HasSubstr("log"), HasSubstr("grew to"), HasSubstr(options_.scratch_dir))));
}

TEST_F(MoveTest, ReadsOnAndSaysItOnceWhenNoCopyCanBeMade) {
  WriteStore();
  fs::remove(options_.scratch_dir);
  options_.copy_retry = absl::ZeroDuration();
  Open();
  OtherProgram writer(file_.path(), kWritePair);
  AwaitNotice();
  EXPECT_THAT(notices(), ElementsAre(AllOf(HasSubstr(options_.scratch_dir), HasSubstr("--scratch-dir"))));
  EXPECT_FALSE(snapshot_->is_copy());
  ExpectTheOldInstant();
  fs::create_directory(options_.scratch_dir);
  EXPECT_EQ(writer.Wait(), 0);
  EXPECT_TRUE(snapshot_->is_copy());
  ExpectTheOldInstant();
  snapshot_.reset();
  EXPECT_THAT(notices(), SizeIs(2));
}

TEST_F(MoveTest, LeavesNoHalfCopyWhenTheDiskIsFull) {
  WriteStore();
  options_.copy_retry = absl::Milliseconds(10);
  Open();
  std::optional<OtherProgram> writer;
  {
    const FullDisk full(1 << 20);
    writer.emplace(file_.path(), absl::StrCat("import resource\n"
                                              "endless = resource.RLIM_INFINITY\n"
                                              "resource.setrlimit(resource.RLIMIT_FSIZE, (endless, endless))\n",
                                              kWritePair));
    AwaitNotice();
    ExpectTheOldInstant();
    EXPECT_FALSE(snapshot_->is_copy());
  }
  EXPECT_EQ(writer->Wait(), 0);
  ExpectTheOldInstant();
  EXPECT_THAT(Names(options_.scratch_dir), IsEmpty());
}

TEST_F(MoveTest, GivesACopyUpWhenToldTo) {
  file_.Run("CREATE TABLE a(n); INSERT INTO a VALUES (zeroblob(40000000))");
  absl::StatusOr<OpenedStore> held = OpenDirect(file_.path(), 1);
  ASSERT_THAT(held, IsOk());
  int asked = 0;
  EXPECT_THAT(OpenCopyOf(held->connections[0], 1, options_.scratch_dir, [&] { return ++asked == 2; }).status(),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
  EXPECT_EQ(asked, 2) << "a copy takes more than one step";
  EXPECT_THAT(Names(options_.scratch_dir), IsEmpty());
}

TEST_F(MoveTest, LetsTheWriterGoOnWhenItIsDestroyed) {
  WriteStore();
  fs::remove(options_.scratch_dir);
  Open();
  OtherProgram writer(file_.path(), kWritePair);
  AwaitNotice();  // a writer waits, and the next look is half a minute away
  snapshot_.reset();
  EXPECT_EQ(writer.Wait(), 0);
}

TEST_F(MoveTest, EndsStatementsOnTheStoreAndOnTheCopy) {
  WriteStore();
  Open();
  for (const bool on_copy : {false, true}) {
    if (on_copy) {
      EXPECT_EQ(OtherProgram(file_.path(), kWritePair).Wait(), 0);
    }
    std::atomic<bool> ended = false;
    std::thread work([&] {
      EXPECT_THAT(snapshot_->connection(2).Take()->QueryValue(
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"),
                  StatusIs(absl::StatusCode::kCancelled, HasSubstr("")));
      ended = true;
    });
    while (!ended) snapshot_->connection(2).Interrupt();
    work.join();
  }
  EXPECT_TRUE(snapshot_->is_copy());
}

TEST_F(MoveTest, MakesNoCopyOnceTheProcessEnds) {
  WriteStore();
  Open();
  snapshot_->Interrupt();
  EXPECT_EQ(OtherProgram(file_.path(), kWritePair, /*patience_seconds=*/1).Wait(), 1);
  EXPECT_FALSE(snapshot_->is_copy());
}

TEST_F(MoveTest, StaysWhereItIsWhenToldToReadDirectly) {
  WriteStore();
  options_.mode = SnapshotMode::kDirect;
  Open();
  EXPECT_EQ(OtherProgram(file_.path(), kWritePair, /*patience_seconds=*/1).Wait(), 1);
  EXPECT_FALSE(snapshot_->is_copy());
  ExpectTheOldInstant();
}

}  // namespace
}  // namespace vecferry::sqlite
