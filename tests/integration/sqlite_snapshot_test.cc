#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/sqlite/snapshot.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::ElementsAre;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
namespace fs = std::filesystem;

std::string FolderOf(const std::string& path) { return fs::path(path).parent_path().string(); }

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::set<std::string> Names(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

std::int64_t Number(Database& database, const std::string& sql) {
  const auto value = database.QueryValue(sql);
  EXPECT_THAT(value, IsOk());
  return value.ok() ? value->integer : -1;
}

// Runs `body` in a process of its own, which ends without this one's destructors; its exit code.
class Child {
 public:
  explicit Child(const std::function<int()>& body) : pid_(fork()) {
    if (pid_ == 0) _exit(body());
  }
  void Kill() { kill(pid_, SIGKILL); }
  bool Runs() const {
    siginfo_t ended = {};
    return waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == 0;
  }
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  const pid_t pid_;
};

// Commits one row into each of two tables until the pipe's other end is closed; 1 when a lock keeps it from that. Any
// reader of a WAL may hold the lock for writing for an instant, when it meets the log's header half written.
int WriteInPairs(const std::string& path, int until) {
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) return 2;
  sqlite3_busy_timeout(database, 5'000);
  const char* pair = "BEGIN IMMEDIATE; INSERT INTO a VALUES (1); INSERT INTO b VALUES (1); COMMIT";
  char byte;
  while (read(until, &byte, 1) != 0) {
    if (sqlite3_exec(database, pair, nullptr, nullptr, nullptr) != SQLITE_OK) return 1;
  }
  return 0;
}

class PairWriter {
 public:
  explicit PairWriter(const std::string& path) {
    EXPECT_EQ(pipe2(pipe_, O_NONBLOCK | O_CLOEXEC), 0);
    child_.emplace([&] {
      close(pipe_[1]);
      return WriteInPairs(path, pipe_[0]);
    });
    close(pipe_[0]);
  }
  bool Runs() const { return child_->Runs(); }
  int Stop() {
    close(pipe_[1]);
    return child_->Wait();
  }

 private:
  int pipe_[2] = {-1, -1};
  std::optional<Child> child_;
};

void MakePairs(SqliteFile& file) {
  file.Run("PRAGMA journal_mode = WAL; CREATE TABLE a(n); CREATE TABLE b(n)");
  file.Close();
}

// Until the writer has committed `more` pairs since.
void AwaitCommits(const std::string& path, const PairWriter& writer, std::int64_t more) {
  absl::StatusOr<Database> watch = Database::Open(path, false);
  ASSERT_THAT(watch, IsOk());
  const std::int64_t begin = Number(*watch, "SELECT count(*) FROM a");
  while (Number(*watch, "SELECT count(*) FROM a") < begin + more) {
    ASSERT_TRUE(writer.Runs()) << "the writer met a lock";
    std::this_thread::yield();
  }
}

void ExpectOneInstant(Snapshot& snapshot) {
  const std::int64_t rows = Number(*snapshot.connection(0).Take(), "SELECT count(*) FROM a");
  for (int i = 0; i < snapshot.connections(); ++i) {
    EXPECT_EQ(Number(*snapshot.connection(i).Take(), "SELECT count(*) FROM a"), rows) << "connection " << i;
    EXPECT_EQ(Number(*snapshot.connection(i).Take(), "SELECT count(*) FROM b"), rows) << "connection " << i;
  }
}

TEST(SnapshotTest, ShowsOneInstantOnAllConnectionsWhileAnotherProcessWritesUnblocked) {
  SqliteFile file;
  MakePairs(file);
  PairWriter writer(file.path());
  for (const SnapshotMode mode : {SnapshotMode::kAuto, SnapshotMode::kDirect, SnapshotMode::kCopy}) {
    for (int round = 0; round < 10; ++round) {
      ASSERT_NO_FATAL_FAILURE(AwaitCommits(file.path(), writer, 1));
      const auto snapshot = Snapshot::Open(file.path(), 5, {.mode = mode});
      ASSERT_THAT(snapshot, IsOk());
      // Beside so busy a writer kAuto may need a copy too.
      if (mode != SnapshotMode::kAuto) {
        EXPECT_EQ((*snapshot)->is_copy(), mode == SnapshotMode::kCopy);
      }
      ExpectOneInstant(**snapshot);
      const std::int64_t rows = Number(*(*snapshot)->connection(0).Take(), "SELECT count(*) FROM a");
      ASSERT_NO_FATAL_FAILURE(AwaitCommits(file.path(), writer, 20));
      ExpectOneInstant(**snapshot);
      EXPECT_EQ(Number(*(*snapshot)->connection(4).Take(), "SELECT count(*) FROM b"), rows) << "the snapshot moved";
    }
  }
  EXPECT_EQ(writer.Stop(), 0) << "the writer met a lock";
}

// A store as a killed program leaves it: 1,000 rows are in the log alone. Returns the path of the copy.
std::string StoreWithRowsInTheWal(SqliteFile& file, const std::string& name) {
  file.Run(
      "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE a(n);"
      "PRAGMA wal_checkpoint(TRUNCATE);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO a SELECT i FROM n");
  const std::string folder = absl::StrCat(FolderOf(file.path()), "/", name);
  fs::create_directory(folder);
  const std::string path = absl::StrCat(folder, "/store.db");
  fs::copy_file(file.path(), path);
  fs::copy_file(absl::StrCat(file.path(), "-wal"), absl::StrCat(path, "-wal"));
  return path;
}

TEST(SnapshotTest, ReadsRowsInTheWalAloneAndLeavesBothFilesAsTheyWere) {
  SqliteFile file;
  const std::string path = StoreWithRowsInTheWal(file, "killed");
  const std::string store = Read(path), wal = Read(absl::StrCat(path, "-wal"));
  ASSERT_GT(wal.size(), 1000u);
  for (const SnapshotMode mode : {SnapshotMode::kDirect, SnapshotMode::kCopy}) {
    {
      const auto snapshot = Snapshot::Open(path, 3, {.mode = mode});
      ASSERT_THAT(snapshot, IsOk());
      EXPECT_EQ(Number(*(*snapshot)->connection(2).Take(), "SELECT count(*) FROM a"), 1000);
    }
    EXPECT_EQ(Read(path), store);
    EXPECT_EQ(Read(absl::StrCat(path, "-wal")), wal);
    EXPECT_THAT(Names(FolderOf(path)), ElementsAre("store.db", "store.db-shm", "store.db-wal"));
  }
}

TEST(SnapshotTest, LeavesNothingBesideAStoreButWhatReadingAWalNeeds) {
  SqliteFile file;
  MakePairs(file);
  const std::string before = Read(file.path());
  { ASSERT_THAT(Snapshot::Open(file.path(), 3, {}), IsOk()); }
  EXPECT_EQ(Read(file.path()), before);
  for (const std::string& name : Names(FolderOf(file.path()))) {
    EXPECT_TRUE(name == "store.db" || name == "store.db-wal" || name == "store.db-shm") << name;
    if (name == "store.db-wal") {
      EXPECT_EQ(fs::file_size(absl::StrCat(file.path(), "-wal")), 0u);
    }
  }
}

TEST(SnapshotTest, LeavesARollbackJournalStoreToItsWriter) {
  SqliteFile file;
  file.Run("CREATE TABLE a(n); INSERT INTO a VALUES (1)");
  const auto snapshot = Snapshot::Open(file.path(), 2, {});
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_TRUE((*snapshot)->is_copy());
  file.Run("INSERT INTO a VALUES (2)");  // ends the test when it meets a lock
  EXPECT_EQ(Number(*(*snapshot)->connection(1).Take(), "SELECT count(*) FROM a"), 1);
  EXPECT_THAT(Names(FolderOf(file.path())), ElementsAre("store.db"));
}

TEST(SnapshotTest, RemovesItsCopyAtOnceAndThoseOfKilledProcesses) {
  SqliteFile file;
  file.Run("CREATE TABLE a(n)");
  const std::string scratch = absl::StrCat(FolderOf(file.path()), "/scratch");
  fs::create_directory(scratch);
  std::ofstream(absl::StrCat(scratch, "/vecferry-snapshot-1-abcdef.db")) << "left over";
  std::ofstream(absl::StrCat(scratch, "/another.db")) << "another's";
  const auto snapshot = Snapshot::Open(file.path(), 2, {.mode = SnapshotMode::kCopy, .scratch_dir = scratch});
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_THAT(Names(scratch), ElementsAre("another.db"));
  EXPECT_EQ(Number(*(*snapshot)->connection(1).Take(), "SELECT count(*) FROM a"), 0);
}

// In a process that may not write where the file's mode forbids it (root may).
int Unprivileged(const std::function<int()>& body) {
  return Child([&] {
           if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) return 90;
           return body();
         })
      .Wait();
}

TEST(SnapshotTest, ReadsAWalStoreInAFolderThatCannotBeWritten) {
  SqliteFile file;
  const std::string path = StoreWithRowsInTheWal(file, "readonly");
  const std::string scratch = fs::temp_directory_path().string();
  const std::string store = Read(path), wal = Read(absl::StrCat(path, "-wal"));
  fs::permissions(FolderOf(file.path()), fs::perms(0755));
  fs::permissions(FolderOf(path), fs::perms(0555));
  fs::permissions(path, fs::perms(0444));
  fs::permissions(absl::StrCat(path, "-wal"), fs::perms(0444));
  EXPECT_EQ(Unprivileged([&] {
              const auto snapshot = Snapshot::Open(path, 3, {.scratch_dir = scratch});
              if (!snapshot.ok()) std::fprintf(stderr, "%s\n", snapshot.status().ToString().c_str());
              if (!snapshot.ok()) return 1;
              const std::int64_t rows = Number(*(*snapshot)->connection(2).Take(), "SELECT count(*) FROM a");
              return rows == 1000 && (*snapshot)->is_copy() ? 0 : 2;
            }),
            0);
  EXPECT_EQ(Read(path), store);
  EXPECT_EQ(Read(absl::StrCat(path, "-wal")), wal);
  EXPECT_THAT(Names(FolderOf(path)), ElementsAre("store.db", "store.db-wal"));
  fs::permissions(FolderOf(path), fs::perms(0755));
}

// A program killed inside a transaction whose pages were already written into the file.
int SpillAndDie(const std::string& path) {
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  sqlite3_exec(database, "PRAGMA cache_size = 10; PRAGMA cache_spill = 10; BEGIN; UPDATE a SET n = n + 1000000",
               nullptr, nullptr, nullptr);
  kill(getpid(), SIGKILL);
  return 0;
}

TEST(SnapshotTest, ReadsAStoreWithAHotJournalAsItWasBeforeTheTransaction) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE a(n, filler);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)"
      " INSERT INTO a SELECT i, printf('%0500d', i) FROM n");
  file.Close();
  const std::string whole = Read(file.path());
  ASSERT_EQ(Child([&] { return SpillAndDie(file.path()); }).Wait(), -SIGKILL);
  const std::string torn = Read(file.path()), journal = Read(absl::StrCat(file.path(), "-journal"));
  ASSERT_NE(torn, whole) << "the transaction must have reached the file";
  {
    const auto snapshot = Snapshot::Open(file.path(), 2, {});
    ASSERT_THAT(snapshot, IsOk());
    EXPECT_TRUE((*snapshot)->is_copy());
    EXPECT_EQ(Number(*(*snapshot)->connection(1).Take(), "SELECT max(n) FROM a"), 1000);
  }
  EXPECT_EQ(Read(file.path()), torn);
  EXPECT_EQ(Read(absl::StrCat(file.path(), "-journal")), journal);
  EXPECT_THAT(Names(FolderOf(file.path())), ElementsAre("store.db", "store.db-journal"));
}

std::string FingerprintOf(const std::string& path, SnapshotMode mode = SnapshotMode::kAuto) {
  const auto snapshot = Snapshot::Open(path, 1, {.mode = mode});
  EXPECT_THAT(snapshot, IsOk());
  return snapshot.ok() ? (*snapshot)->fingerprint() : "";
}

// A fresh time could be that of a later write in the same tick of the clock: an old one can be compared.
void Age(const std::string& path, int minutes) {
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::minutes(minutes));
}

TEST(FingerprintTest, StaysWhileNobodyWrites) {
  SqliteFile file;
  const std::string path = StoreWithRowsInTheWal(file, "still");
  Age(path, 1);
  const std::string fingerprint = FingerprintOf(path);
  EXPECT_EQ(FingerprintOf(path), fingerprint);
  EXPECT_EQ(FingerprintOf(path, SnapshotMode::kCopy), fingerprint);
  SqliteFile journal;
  journal.Run("CREATE TABLE a(n)");
  EXPECT_EQ(FingerprintOf(journal.path()), FingerprintOf(journal.path()));
}

TEST(FingerprintTest, ChangesWithEveryCommit) {
  for (const char* mode : {"WAL", "DELETE"}) {
    SqliteFile file;
    file.Run(absl::StrCat("PRAGMA journal_mode = ", mode, "; CREATE TABLE a(n); INSERT INTO a VALUES (1)"));
    file.Close();
    Age(file.path(), 1);
    std::set<std::string> seen = {FingerprintOf(file.path())};
    for (int i = 0; i < 5; ++i) {
      file.Run("UPDATE a SET n = n + 1");
      EXPECT_TRUE(seen.insert(FingerprintOf(file.path())).second) << mode << ", commit " << i;
    }
  }
}

TEST(FingerprintTest, ChangesWhenAWalWasCheckpointedAndDeleted) {
  SqliteFile file;
  file.Run("PRAGMA journal_mode = WAL; CREATE TABLE a(n); INSERT INTO a VALUES (1)");
  file.Close();
  Age(file.path(), 2);
  const std::string before = FingerprintOf(file.path());
  file.Run("UPDATE a SET n = 2");
  file.Close();
  Age(file.path(), 1);
  EXPECT_NE(FingerprintOf(file.path()), before);
}

TEST(FingerprintTest, NeverComparesEqualForAFileOfThisVeryTick) {
  SqliteFile file;
  file.Run("PRAGMA journal_mode = WAL; CREATE TABLE a(n)");
  file.Close();
  fs::last_write_time(file.path(), fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_NE(FingerprintOf(file.path()), FingerprintOf(file.path()));
}

}  // namespace
}  // namespace vecferry::sqlite
