// Random bytes of whole SQLite files are changed. Whatever they hit: no crash and no hang (the sanitizers and ctest's
// timeout see to that), and a store that is taken as sound gives all of its rows.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/sqlite/snapshot.h"
#include "reader-worker/batch_builder.h"
#include "tests/support/draw_plan.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::rows {
namespace {

using ::vecferry::testing::IsOk;
using ::vecferry::testing::MakeIdentity;
using ::vecferry::testing::SqliteFile;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  std::uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Tables of each kind: with and without rowid, keyless, with values on overflow pages and freed pages in between.
void FillStore(SqliteFile& file) {
  file.Run(
      "PRAGMA page_size = 1024; PRAGMA auto_vacuum = 0;"
      "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, embedding BLOB, at TEXT);"
      "CREATE TABLE tags(name TEXT, note INT REFERENCES notes(id), weight REAL, PRIMARY KEY (name, note)) WITHOUT "
      "ROWID;"
      "CREATE TABLE keyless(a, b); CREATE INDEX tags_by_note ON tags(note); CREATE UNIQUE INDEX bodies ON notes(body);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
      "  INSERT INTO notes SELECT i, 'note ' || i || printf('%0*d', i * 7 % 1500, i), randomblob(64), '2026-01-01' "
      "FROM n;"
      "INSERT INTO tags SELECT 'tag' || (id % 7), id, id / 3.0 FROM notes;"
      "INSERT INTO keyless SELECT id % 5, body FROM notes WHERE id % 2; DELETE FROM notes WHERE id % 9 = 4;");
  file.Close();
}

// Reads everything as a migration does; returns how many source rows were seen.
absl::StatusOr<std::uint64_t> ReadAll(const SqliteFile& file) {
  ASSIGN_OR_RETURN(const std::unique_ptr<sqlite::Snapshot> snapshot,
                   sqlite::Snapshot::Open(file.path(), 1, {.mode = sqlite::SnapshotMode::kDirect}));
  const sqlite::SnapshotConnection::Turn turn = snapshot->connection(0).Take();
  sqlite::Database& source = *turn;
  ASSIGN_OR_RETURN(const sqlite::SourceSchema schema, sqlite::ReadSchema(source));
  const core::Identity identity = MakeIdentity(file);
  ASSIGN_OR_RETURN(const core::Plan plan, profile::MakePlan({source, schema, identity, nullptr}));
  std::uint64_t rows_read = 0;
  for (const core::Mapping& mapping : plan.mappings) {
    ASSIGN_OR_RETURN(RowCursor rows, RowCursor::Open(source, mapping, {}));
    reader::BatchBuilder builder(mapping, 1 << 20, {}, {}, nullptr);
    while (true) {
      ASSIGN_OR_RETURN(const bool more, rows.Next());
      if (!more) break;
      const SourceRow row = rows.row();
      if (builder.IsFullFor(row)) rows_read += builder.Take(false).rows_read;
      RETURN_IF_ERROR(builder.Add(row));
    }
    rows_read += builder.Take(true).rows_read;
  }
  return rows_read;
}

TEST(ByteFlipTest, ADamagedStoreIsRefusedOrGivesAllItsRows) {
  const std::uint64_t seed = FromEnvironment("VECFERRY_TEST_SEED", std::random_device()());
  const std::uint64_t flips = FromEnvironment("VECFERRY_TEST_FLIPS", 300);
  printf("VECFERRY_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  SqliteFile file;
  FillStore(file);
  const std::string sound = ReadFile(file.path());
  const absl::StatusOr<std::uint64_t> rows = ReadAll(file);
  ASSERT_THAT(rows, IsOk());
  ASSERT_GT(*rows, 400u);
  std::uint64_t refused = 0;
  for (std::uint64_t round = 0; round < flips; ++round) {
    std::string damaged = sound;
    const std::uint64_t hits = 1 + random() % 4;
    for (std::uint64_t hit = 0; hit < hits; ++hit)
      damaged[random() % damaged.size()] ^= static_cast<char>(1 + random() % 255);
    WriteFile(file.path(), damaged);
    const absl::StatusOr<std::uint64_t> read = ReadAll(file);
    if (!read.ok()) {
      ++refused;
      EXPECT_THAT(read.status().message(), ::testing::Not(::testing::IsEmpty()));
    } else {
      EXPECT_GE(*read, *rows) << "round " << round;
    }
    for (const char* sidecar : {"-journal", "-wal", "-shm"}) remove(absl::StrCat(file.path(), sidecar).c_str());
  }
  // Most bytes are contents, which no checksum guards: both outcomes must occur.
  EXPECT_GT(refused, 0u);
  EXPECT_LT(refused, flips);
}

}  // namespace
}  // namespace vecferry::rows
