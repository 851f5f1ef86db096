#include <gmock/gmock.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/sqlite/database.h"
#include "common/sqlite/schema.h"
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

constexpr int kRows = 2000;
constexpr std::size_t kPageBytes = 4096;

std::string FolderOf(const SqliteFile& file) { return fs::path(file.path()).parent_path().string(); }

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Table `notes` of several interior and many leaf pages.
void Fill(SqliteFile& file) {
  file.Run(
      absl::StrCat("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
                   kRows, ") INSERT INTO notes SELECT i, printf('%0900d', i) FROM n;"));
  file.Close();
}

std::int64_t CountNotes(Database& database) {
  const auto count = database.QueryValue("SELECT count(*) FROM notes");
  EXPECT_THAT(count, IsOk());
  return count.ok() ? count->integer : -1;
}

TEST(OpenTest, NamesAFileThatIsNotThere) {
  EXPECT_THAT(Database::Open("/nowhere/store.db", false).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such file: /nowhere/store.db")));
  EXPECT_FALSE(fs::exists("/nowhere"));
}

TEST(OpenTest, NamesADirectory) {
  SqliteFile file;
  EXPECT_THAT(Snapshot::Open(FolderOf(file), 1, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a directory")));
}

TEST(OpenTest, NamesWhatIsNoSqliteFile) {
  SqliteFile file;
  Write(file.path(), std::string(5000, 'x'));
  EXPECT_THAT(Snapshot::Open(file.path(), 1, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("is not a SQLite database"), HasSubstr(file.path()))));
  Write(file.path(), "short");
  EXPECT_THAT(Snapshot::Open(file.path(), 1, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not a SQLite database")));
}

TEST(OpenTest, SaysThatRandomPagesMayBeEncrypted) {
  SqliteFile file;
  std::mt19937 random(20261120);
  std::string bytes(2 * kPageBytes, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  Write(file.path(), bytes);
  EXPECT_THAT(Snapshot::Open(file.path(), 1, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("may be encrypted")));
}

TEST(OpenTest, NamesATruncatedFile) {
  SqliteFile file;
  Fill(file);
  const std::string whole = Read(file.path());
  for (const std::size_t left : {whole.size() / 2, kPageBytes, std::size_t{60}}) {
    Write(file.path(), whole.substr(0, left));
    EXPECT_THAT(Snapshot::Open(file.path(), 1, {}).status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is truncated")))
        << left << " bytes";
  }
}

TEST(OpenTest, OpensAnEmptyFileAsAStoreWithoutTables) {
  SqliteFile file;
  Write(file.path(), "");
  const auto snapshot = Snapshot::Open(file.path(), 2, {});
  ASSERT_THAT(snapshot, IsOk());
  const auto schema = ReadSchema(*(*snapshot)->connection(1).Take());
  ASSERT_THAT(schema, IsOk());
  EXPECT_TRUE(schema->tables.empty());
}

TEST(OpenTest, FindsAPageOfZerosBeforeAnyRowIsRead) {
  SqliteFile file;
  Fill(file);
  std::string bytes = Read(file.path());
  bytes.replace(bytes.size() / 2 / kPageBytes * kPageBytes, kPageBytes, kPageBytes, '\0');
  Write(file.path(), bytes);
  EXPECT_THAT(
      Snapshot::Open(file.path(), 2, {}).status(),
      StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("is damaged in table notes"), HasSubstr(file.path()))));
}

// The number of the page that holds the root's rightmost child pointer, and where in the file that pointer stands.
std::size_t RightmostPointerOfNotes(SqliteFile& file) {
  const std::size_t root = std::stoul(file.Query("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'")[0]);
  file.Close();
  return (root - 1) * kPageBytes + 8;
}

TEST(OpenTest, FindsAPointerThatHidesRowsWithoutAnyErrorFromAScan) {
  SqliteFile file;
  Fill(file);
  const std::size_t at = RightmostPointerOfNotes(file);
  std::string bytes = Read(file.path());
  // The first child's page instead of the last one's: rows at the end are gone, rows at the begin come twice.
  const std::size_t cell = at + 4;  // the cell pointer array of an interior page begins after its 12-byte header
  const std::size_t first_cell =
      (static_cast<unsigned char>(bytes[cell]) << 8 | static_cast<unsigned char>(bytes[cell + 1]));
  bytes.replace(at, 4, bytes.substr(at - 8 + first_cell, 4));
  Write(file.path(), bytes);
  const auto unchecked = Snapshot::Open(file.path(), 1, {.check_structure = false});
  ASSERT_THAT(unchecked, IsOk());
  const SnapshotConnection::Turn turn = (*unchecked)->connection(0).Take();
  Database& database = *turn;
  const auto highest = database.QueryValue("SELECT max(id) FROM notes");
  ASSERT_THAT(highest, IsOk()) << "the damage of this test is one that SQLite does not see";
  EXPECT_LT(highest->integer, kRows);
  EXPECT_THAT(Snapshot::Open(file.path(), 1, {}).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is damaged in table notes")));
}

TEST(OpenTest, TakesRowsThatBreakConstraintsForNoDamage) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);"
      "INSERT INTO notes VALUES (1, NULL), (2, 'x');"
      "PRAGMA writable_schema = ON;"
      "UPDATE sqlite_schema SET sql = 'CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL CHECK (body <> "
      "''x''))';");
  file.Close();
  const auto snapshot = Snapshot::Open(file.path(), 1, {});
  ASSERT_THAT(snapshot, IsOk());
  EXPECT_EQ(CountNotes(*(*snapshot)->connection(0).Take()), 2);
}

TEST(OpenTest, OpensEveryPath) {
  SqliteFile file;
  Fill(file);
  SqliteFile wal;
  wal.Run("PRAGMA journal_mode = WAL");
  Fill(wal);
  for (const char* name : {"with space.db", "what?.db", "a#b.db", "100%.db", "%41.db", "new\nline.db", "a&mode=rwc.db",
                           "\xc3\xbcn\xc3\xaf.db", "\xff\xfe.db", "'quote\".db", "back\\slash.db", "file:x"}) {
    for (const SqliteFile* store : {&file, &wal}) {
      const std::string path = absl::StrCat(FolderOf(*store), "/", name);
      fs::copy_file(store->path(), path);
      const auto snapshot = Snapshot::Open(path, 2, {});
      ASSERT_THAT(snapshot, IsOk()) << name;
      EXPECT_EQ(CountNotes(*(*snapshot)->connection(1).Take()), kRows) << name;
    }
  }
}

TEST(OpenTest, CannotWrite) {
  SqliteFile file;
  Fill(file);
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  EXPECT_THAT(database->QueryValue("DELETE FROM notes").status(),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("readonly")));
}

TEST(OpenTest, TakesAMisspelledColumnForAnErrorNotForText) {
  SqliteFile file;
  Fill(file);
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  EXPECT_THAT(database->QueryValue("SELECT \"bdoy\" FROM notes").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no such column")));
}

TEST(StatementTest, ReturnsValuesAsTheyAreStored) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, body);"
      "INSERT INTO notes VALUES (1, CAST(x'41004200' AS TEXT)), (2, CAST(x'ff41c3' AS TEXT)), (3, ''), (4, x''),"
      " (5, -9223372036854775807 - 1), (6, -0.0), (7, 9e999), (8, NULL), (9, 4.9e-324)");
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  absl::StatusOr<Statement> rows = database->Prepare("SELECT body FROM notes ORDER BY id");
  ASSERT_THAT(rows, IsOk());
  std::vector<core::Value> values;
  while (*rows->Step()) values.emplace_back(rows->Column(0));
  ASSERT_EQ(values.size(), 9u);
  EXPECT_EQ(values[0].bytes, std::string("A\0B\0", 4));
  EXPECT_EQ(values[1].bytes,
            "\xff"
            "A\xc3");
  EXPECT_EQ(values[2].storage, core::StorageClass::kText);
  EXPECT_EQ(values[3].storage, core::StorageClass::kBlob);
  EXPECT_EQ(values[4].integer, INT64_MIN);
  EXPECT_EQ(values[6].real, HUGE_VAL);
  EXPECT_TRUE(values[7].view().is_null());
  EXPECT_EQ(values[8].real, 4.9e-324);
}

TEST(StatementTest, ReturnsUtf16TextAsUtf8) {
  SqliteFile file;
  file.Run(
      "PRAGMA encoding = 'UTF-16le'; CREATE TABLE notes(body TEXT); INSERT INTO notes VALUES "
      "('gr\xc3\xbc\xc3\x9f\xf0\x9f\x9a\xa2')");
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  EXPECT_EQ(database->QueryValue("SELECT body FROM notes")->bytes, "gr\xc3\xbc\xc3\x9f\xf0\x9f\x9a\xa2");
  EXPECT_EQ(ReadSchema(*database)->encoding, "UTF-16le");
}

TEST(StatementTest, BindsEveryStorageClass) {
  SqliteFile file;
  Fill(file);
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  absl::StatusOr<Statement> row = database->Prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6");
  ASSERT_THAT(row, IsOk());
  const core::ValueView values[] = {core::ValueView::Null(),    core::ValueView::Integer(-7),
                                    core::ValueView::Real(0.5), core::ValueView::Text({}),
                                    core::ValueView::Blob({}),  core::ValueView::Text("a\xff")};
  for (int i = 0; i < 6; ++i) row->Bind(i + 1, values[i]);
  ASSERT_TRUE(*row->Step());
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(row->Column(i).storage, values[i].storage) << i;
    EXPECT_EQ(row->Column(i).bytes, values[i].bytes) << i;
  }
  EXPECT_EQ(row->Column(1).integer, -7);
  EXPECT_EQ(row->Column(2).real, 0.5);
}

}  // namespace
}  // namespace vecferry::sqlite
