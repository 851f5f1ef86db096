// A store that loses bytes while it is read: SQLite itself reads zeros where pages of a long value are missing.
#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/sqlite/snapshot.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

constexpr int kPageBytes = 4096, kBlobBytes = 3 * kPageBytes;

class ShrunkStore {
 protected:
  explicit ShrunkStore(const std::string& journal) {
    store_.Run(
        absl::StrCat("PRAGMA page_size = ", kPageBytes, "; PRAGMA journal_mode = ", journal,
                     "; CREATE TABLE a(id INTEGER PRIMARY KEY, body BLOB); INSERT INTO a VALUES (1, 'short'), (2, "
                     "CAST(replace(hex(zeroblob(",
                     kBlobBytes / 2, ")), '0', 'x') AS BLOB)); VACUUM"));
    store_.Close();
  }

  // Reads to the end. The rows' bytes.
  static absl::StatusOr<std::string> ReadAll(Snapshot& snapshot) {
    auto turn = snapshot.connection(0).Take();
    absl::StatusOr<Statement> statement = turn->Prepare("SELECT body FROM a ORDER BY id");
    if (!statement.ok()) return statement.status();
    std::string bytes;
    while (true) {
      const absl::StatusOr<bool> row = statement->Step();
      if (!row.ok()) return row.status();
      if (!*row) return bytes;
      absl::StrAppend(&bytes, statement->Column(0).bytes);
    }
  }

  SqliteFile store_;
};

class SqliteShrunkTest : public ShrunkStore, public ::testing::TestWithParam<const char*> {
 protected:
  SqliteShrunkTest() : ShrunkStore(GetParam()) {}
};

class SqliteVacuumedTest : public ShrunkStore, public ::testing::Test {
 protected:
  SqliteVacuumedTest() : ShrunkStore("wal") {}
};

TEST_P(SqliteShrunkTest, IsNotTakenForZeros) {
  for (const SnapshotMode mode : {SnapshotMode::kDirect, SnapshotMode::kAuto}) {
    const auto bytes = fs::file_size(store_.path());
    auto snapshot = Snapshot::Open(store_.path(), 1, {.mode = mode});
    ASSERT_THAT(snapshot, IsOk());
    EXPECT_EQ(ReadAll(**snapshot).value(), "short" + std::string(kBlobBytes, 'x'));
    fs::resize_file(store_.path(), bytes - kPageBytes);
    const auto read = ReadAll(**snapshot);
    // A copy in the scratch folder has lost nothing.
    if ((*snapshot)->is_copy()) {
      EXPECT_EQ(read.value(), "short" + std::string(kBlobBytes, 'x'));
    } else {
      EXPECT_THAT(read,
                  StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr(store_.path()), HasSubstr("lost bytes"))));
    }
    snapshot->reset();
    fs::resize_file(store_.path(), bytes);
    store_.Run(absl::StrCat("UPDATE a SET body = CAST(replace(hex(zeroblob(", kBlobBytes / 2,
                            ")), '0', 'x') AS BLOB) WHERE id = 2; VACUUM"));
    store_.Close();
  }
}

// In the log; a rollback journal's writers wait for readers.
TEST_F(SqliteVacuumedTest, AWriterMayShrinkIt) {
  auto snapshot = Snapshot::Open(store_.path(), 1, {.mode = SnapshotMode::kDirect});
  ASSERT_THAT(snapshot, IsOk());
  store_.Run("DELETE FROM a; VACUUM; PRAGMA wal_checkpoint(PASSIVE)");
  EXPECT_EQ(ReadAll(**snapshot).value(), "short" + std::string(kBlobBytes, 'x'));
  auto later = Snapshot::Open(store_.path(), 1, {.mode = SnapshotMode::kDirect});
  ASSERT_THAT(later, IsOk());
  snapshot->reset();
  // Now the file loses the pages that the later state does not have.
  store_.Run("PRAGMA wal_checkpoint(PASSIVE)");
  EXPECT_EQ(ReadAll(**later).value(), "");
}

INSTANTIATE_TEST_SUITE_P(Journals, SqliteShrunkTest, ::testing::Values("wal", "delete"));

}  // namespace
}  // namespace vecferry::sqlite
