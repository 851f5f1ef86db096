// Rows whose parent is missing: removed at the destination, told with their source row.
#include "common/core/record.h"
#include "tests/support/migration_fixture.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class OrphansTest : public MigrationTest {
 protected:
  absl::StatusOr<core::Report> Carry(const std::string& script, std::int64_t shard_bytes_max = 64 << 20) {
    source_.Run(script);
    source_.Close();
    LoopbackCluster::Options options = Options();
    options.shard_bytes_max = shard_bytes_max;
    LoopbackCluster cluster(options);
    return cluster.Run();
  }

  // The kept row of the only issue of a table.
  std::vector<core::Value> RawRow(const std::string& table) {
    postgres::Connection session = database_.Connect();
    const auto raw = session.Execute("SELECT raw FROM vecferry.issues WHERE source_table = $1", {table});
    EXPECT_THAT(raw, IsOk());
    EXPECT_EQ(raw->rows(), 1);
    const auto row = core::DecodeRecord(raw->bytea(0, 0));
    EXPECT_THAT(row, IsOk());
    return *row;
  }
};

constexpr char kPeople[] =
    "PRAGMA foreign_keys = OFF; CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT);"
    "INSERT INTO people VALUES (1, 'Ada');";

TEST_F(OrphansTest, KeepTheSourceRowWithItsTypes) {
  const auto report = Carry(absl::StrCat(
      kPeople,
      "CREATE TABLE notes (id TEXT PRIMARY KEY, person INTEGER REFERENCES people(id), score REAL, data BLOB);"
      "INSERT INTO notes VALUES ('kept', 1, 1.0, x'00'), ('gone', 9, 2.0, x'00ff');"));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  const std::vector<core::Value> row = RawRow("notes");
  ASSERT_THAT(row, SizeIs(4));
  EXPECT_EQ(row[0].bytes, "gone");
  EXPECT_EQ(row[1].integer, 9);
  EXPECT_EQ(row[2].storage, core::StorageClass::kReal);
  EXPECT_EQ(row[3].bytes, std::string("\0\xff", 2));
  EXPECT_THAT(Query("SELECT source_key, source_rowid, source_key_record FROM vecferry.row_issue"),
              ElementsAre(R"({"id": "gone"}|2|\x020102)"));
}

TEST_F(OrphansTest, AreFoundByAnyKindOfKey) {
  const auto report = Carry(absl::StrCat(
      kPeople,
      "CREATE TABLE tags (name TEXT, person INTEGER REFERENCES people(id), PRIMARY KEY (name, person)) WITHOUT ROWID;"
      "INSERT INTO tags VALUES ('a', 1), ('a', 2), ('b', 1);"
      "CREATE TABLE events (person INTEGER REFERENCES people(id), what TEXT);"
      "INSERT INTO events VALUES (1, 'x'), (3, 'x'), (1, 'x');"
      "CREATE TABLE places (at NUMERIC PRIMARY KEY, person INTEGER REFERENCES people(id));"
      "INSERT INTO places VALUES (1.50, 1), (2.50, 4), (100, 5);"));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("SELECT source_table, source_rowid, raw_format FROM vecferry.issues ORDER BY 1, 2"),
              ElementsAre("events|2|sqlite-record", "places|2|sqlite-record", "places|3|sqlite-record",
                          "tags|NULL|sqlite-record"));
  EXPECT_THAT(Query("SELECT source_key FROM vecferry.issues WHERE source_table = 'tags'"),
              ElementsAre(R"({"name": "a", "person": 2})"));
}

TEST_F(OrphansTest, MoveTheCountersOfTheirOwnShard) {
  const auto report = Carry(
      absl::StrCat(kPeople,
                   "CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), body TEXT);"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO notes "
                   "SELECT i, CASE WHEN i % 100 = 0 THEN 9 ELSE 1 END, CASE WHEN i = 100 THEN CAST(x'6100' AS TEXT) "
                   "ELSE hex(randomblob(20)) END FROM n;"),
      32 << 10);
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_EQ(Table(*report, "notes").counters.rejected, 40);
  EXPECT_EQ(Table(*report, "notes").counters.repaired, 0) << "told before, and gone with its row";
  EXPECT_GT(database_.QueryValue("SELECT count(*) FROM vecferry.shard WHERE rejected > 0"), "1");
  EXPECT_THAT(Query("SELECT s.shard FROM vecferry.shard s WHERE rejected <> (SELECT count(*) FROM vecferry.row_issue i "
                    "WHERE i.shard = s.shard AND action = 'rejected') OR rows_read <> inserted + rejected"),
              IsEmpty());
}

TEST_F(OrphansTest, WhoseKeyPostgresWritesAnewAreToldByTheDestinationsKey) {
  const auto report =
      Carry(absl::StrCat(kPeople,
                         "CREATE TABLE notes (id JSON PRIMARY KEY, person INTEGER REFERENCES people(id));"
                         "INSERT INTO notes VALUES ('{\"b\":1,  \"a\":2}', 9), ('{}', 1);"));
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
  EXPECT_THAT(Query("SELECT source_key->'id'->>'a', raw_format FROM vecferry.issues"), ElementsAre("2|"));
}

}  // namespace
}  // namespace vecferry::testing
