#include <gmock/gmock.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/core/record.h"
#include "common/core/types.h"
#include "common/sqlite/schema.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;

core::Mapping MappingOf(Database& database, const std::string& name) {
  const absl::StatusOr<SourceSchema> schema = ReadSchema(database);
  EXPECT_THAT(schema, IsOk());
  const SourceTable& table = *schema->Find(name);
  core::Mapping mapping;
  mapping.from_sql = absl::StrCat(core::QuoteIdentifier(name), " AS t");
  mapping.key = *MakeSourceKey(table);
  for (const SourceColumn& column : table.columns) {
    mapping.inputs.push_back({absl::StrCat("t.", core::QuoteIdentifier(column.name)), column.name});
  }
  return mapping;
}

struct Bounds {
  std::optional<std::string> lower, upper, after, through;
};

absl::StatusOr<Statement> Query(Database& database, const core::Mapping& mapping, const Bounds& bounds,
                                const std::string& before = "") {
  const auto query = MakeRangeQuery(mapping, bounds.lower, bounds.upper, bounds.after, bounds.through);
  if (!query.ok()) return query.status();
  absl::StatusOr<Statement> rows = database.Prepare(before + query->sql);
  if (!rows.ok()) return rows.status();
  for (std::size_t i = 0; i < query->parameters.size(); ++i) {
    rows->Bind(static_cast<int>(i) + 1, query->parameters[i].view());
  }
  return rows;
}

// The keys of a range, as records, in the order in which they come.
std::vector<std::string> Keys(Database& database, const core::Mapping& mapping, const Bounds& bounds) {
  std::vector<std::string> keys;
  absl::StatusOr<Statement> rows = Query(database, mapping, bounds);
  EXPECT_THAT(rows, IsOk());
  while (rows.ok() && *rows->Step()) {
    std::vector<core::ValueView> key;
    for (std::size_t i = 0; i < mapping.key.expressions.size(); ++i) key.push_back(rows->Column(static_cast<int>(i)));
    keys.push_back(core::EncodeRecord(key));
  }
  return keys;
}

std::string PlanOf(Database& database, const core::Mapping& mapping, const Bounds& bounds) {
  std::string plan;
  absl::StatusOr<Statement> rows = Query(database, mapping, bounds, "EXPLAIN QUERY PLAN ");
  EXPECT_THAT(rows, IsOk());
  while (rows.ok() && *rows->Step()) absl::StrAppend(&plan, std::string(rows->Column(3).bytes), "\n");
  return plan;
}

// A key of some table as SQL text, random in every storage class that the table can hold.
using MakeKey = std::string (*)(std::mt19937_64& random);

std::string RandomText(std::mt19937_64& random) {
  std::string hex;
  const auto bytes = random() % 6;
  for (std::uint64_t i = 0; i < bytes; ++i)
    absl::StrAppend(&hex, absl::Hex("aAbBzZ\xc3\xff"[random() % 8] & 0xff, absl::kZeroPad2));
  return absl::StrCat("CAST(x'", hex, "' AS TEXT)");
}
std::string RandomNumber(std::mt19937_64& random) {
  return absl::StrCat(static_cast<std::int64_t>(random() >> (random() % 64)));
}
std::string RandomAnything(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0: return RandomNumber(random);
    case 1: return absl::StrCat(static_cast<double>(random() % 1000) / 8);
    case 2: return RandomText(random);
    default: return absl::StrCat("CAST(", RandomText(random), " AS BLOB)");
  }
}

struct KeyedTable {
  const char* columns;  // of the CREATE TABLE; the last is `size`
  std::vector<MakeKey> key;
};

const std::vector<KeyedTable>& KeyedTables() {
  static const auto* const tables = new std::vector<KeyedTable>{
      {"(id INTEGER PRIMARY KEY, size BLOB)", {RandomNumber}},
      {"(id TEXT PRIMARY KEY, size BLOB) WITHOUT ROWID", {RandomText}},
      {"(id PRIMARY KEY, size BLOB) WITHOUT ROWID", {RandomAnything}},
      {"(id TEXT COLLATE NOCASE PRIMARY KEY, size BLOB) WITHOUT ROWID", {RandomText}},
      {"(id TEXT, size BLOB, PRIMARY KEY (id COLLATE NOCASE DESC)) WITHOUT ROWID", {RandomText}},
      {"(a, b TEXT, size BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID", {RandomAnything, RandomText}},
      {"(a TEXT, b INTEGER, size BLOB, PRIMARY KEY (a DESC, b DESC)) WITHOUT ROWID", {RandomText, RandomNumber}},
      {"(a TEXT, b INTEGER, c, size BLOB, PRIMARY KEY (a COLLATE RTRIM, b DESC, c)) WITHOUT ROWID",
       {RandomText, RandomNumber, RandomAnything}},
  };
  return *tables;
}

class RangeTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    const KeyedTable& table = KeyedTables()[GetParam()];
    const char* given = std::getenv("VECFERRY_TEST_SEED");
    const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::printf("seed %llu (VECFERRY_TEST_SEED replays it)\n", static_cast<unsigned long long>(seed));
    random_.seed(seed);
    std::string sql = absl::StrCat("CREATE TABLE t", table.columns, "; BEGIN;");
    for (int i = 0; i < 3000; ++i) {
      absl::StrAppend(&sql, "INSERT OR IGNORE INTO t VALUES (");
      for (const MakeKey make : table.key) absl::StrAppend(&sql, make(random_), ", ");
      absl::StrAppend(&sql, "zeroblob(", random_() % 300, "));");
    }
    file_.Run(absl::StrCat(sql, "COMMIT"));
    file_.Close();
    database_.emplace(*Database::Open(file_.path(), false));
    mapping_ = MappingOf(*database_, "t");
    all_ = Keys(*database_, mapping_, {});
    ASSERT_GT(all_.size(), 100u);
  }

  std::mt19937_64 random_;
  SqliteFile file_;
  std::optional<Database> database_;
  core::Mapping mapping_;
  std::vector<std::string> all_;
};

TEST_P(RangeTest, ShardsTileTheKeySpace) {
  const auto sharding = PlanShards(*database_, mapping_, 20'000);
  ASSERT_THAT(sharding, IsOk());
  EXPECT_EQ(sharding->rows, static_cast<std::int64_t>(all_.size()));
  ASSERT_GT(sharding->boundaries.size(), 1u);
  std::vector<std::string> read;
  for (std::size_t i = 0; i <= sharding->boundaries.size(); ++i) {
    Bounds bounds;
    if (i > 0) bounds.lower = sharding->boundaries[i - 1];
    if (i < sharding->boundaries.size()) bounds.upper = sharding->boundaries[i];
    const std::vector<std::string> keys = Keys(*database_, mapping_, bounds);
    EXPECT_THAT(keys, Not(IsEmpty())) << "shard " << i;
    read.insert(read.end(), keys.begin(), keys.end());
  }
  EXPECT_EQ(read, all_);
}

TEST_P(RangeTest, GoesOnAfterAnyKeyAndEndsThroughAnyKey) {
  for (int round = 0; round < 20; ++round) {
    const std::size_t at = random_() % all_.size();
    std::vector<std::string> read = Keys(*database_, mapping_, {.through = all_[at]});
    EXPECT_EQ(read.size(), at + 1);
    const std::vector<std::string> rest = Keys(*database_, mapping_, {.lower = all_[0], .after = all_[at]});
    read.insert(read.end(), rest.begin(), rest.end());
    EXPECT_EQ(read, all_);
  }
}

TEST_P(RangeTest, SeeksAndNeverSorts) {
  const Bounds both = {.lower = all_[all_.size() / 3], .upper = all_[all_.size() / 2]};
  for (const Bounds& bounds : {both, Bounds{.upper = both.upper, .after = both.lower}, Bounds{.after = both.lower}}) {
    const std::string plan = PlanOf(*database_, mapping_, bounds);
    EXPECT_THAT(plan, HasSubstr("SEARCH t USING "));
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
  }
  EXPECT_THAT(PlanOf(*database_, mapping_, {}), Not(HasSubstr("TEMP B-TREE")));
}

INSTANTIATE_TEST_SUITE_P(EveryKindOfKey, RangeTest, ::testing::Range<std::size_t>(0, KeyedTables().size()));

TEST(PlanShardsTest, BalancesBytesHoweverKeysAndSizesAreSpread) {
  SqliteFile file;
  // Keys in two far clusters; the later rows are a hundred times as large.
  file.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB);"
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 3999) INSERT INTO t"
      " SELECT CASE WHEN i < 2000 THEN -9223372036854775807 + i ELSE 9000000000000000000 + i * 1000 END,"
      " zeroblob(CASE WHEN i < 3000 THEN 100 ELSE 10000 END) FROM n");
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  const core::Mapping mapping = MappingOf(*database, "t");
  const auto sharding = PlanShards(*database, mapping, 1'000'000);
  ASSERT_THAT(sharding, IsOk());
  EXPECT_EQ(sharding->rows, 4000);
  EXPECT_NEAR(static_cast<double>(sharding->bytes), 10.3e6, 0.4e6);
  ASSERT_EQ(sharding->boundaries.size() + 1, 11u);
  for (std::size_t i = 0; i + 1 < sharding->boundaries.size(); ++i) {
    absl::StatusOr<Statement> rows =
        Query(*database, mapping, {.lower = sharding->boundaries[i], .upper = sharding->boundaries[i + 1]});
    ASSERT_THAT(rows, IsOk());
    std::int64_t bytes = 0;
    while (*rows->Step()) bytes += static_cast<std::int64_t>(rows->Column(2).bytes.size());
    EXPECT_NEAR(static_cast<double>(bytes), 0.94e6, 0.15e6) << "shard " << i + 1;
  }
}

TEST(PlanShardsTest, AsksAQueryThatReadsAllRowsOnlyAFewTimes) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, body);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) INSERT INTO t SELECT i, 'x' FROM "
      "n");
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  ASSERT_THAT(database, IsOk());
  core::Mapping mapping = MappingOf(*database, "t");
  mapping.from_sql =
      "t AS t CROSS JOIN (SELECT rowid AS r, row_number() OVER (PARTITION BY body ORDER BY rowid) AS n FROM t) AS o"
      " ON o.r = t.rowid";
  std::int64_t steps = 0;  // of SQLite's virtual machine, in thousands
  const auto count = [](void* counter) { return static_cast<int>(++*static_cast<std::int64_t*>(counter) < 0); };
  sqlite3_progress_handler(database->raw(), 1000, count, &steps);
  const auto sharding = PlanShards(*database, mapping, 1'000);
  ASSERT_THAT(sharding, IsOk());
  EXPECT_EQ(sharding->rows, 3000);
  EXPECT_EQ(sharding->bytes, 3000 * 9);
  EXPECT_LT(steps, 3 * 1000) << "a thousand steps for each row";
}

TEST(PlanShardsTest, MakesOneShardOfLittleAndOfNothing) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (5, "
      "'x')");
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  for (const char* name : {"t", "u"}) {
    const auto sharding = PlanShards(*database, MappingOf(*database, name), 100);
    ASSERT_THAT(sharding, IsOk());
    EXPECT_THAT(sharding->boundaries, IsEmpty());
    EXPECT_EQ(sharding->rows, name[0] == 't' ? 1 : 0);
  }
}

TEST(PlanShardsTest, MeasuresTheWidestTable) {
  std::string columns = "id INTEGER PRIMARY KEY";
  for (int i = 1; i < 2000; ++i) absl::StrAppend(&columns, ", c", i);
  SqliteFile file;
  file.Run(absl::StrCat("CREATE TABLE t(", columns, "); INSERT INTO t(id, c1999) VALUES (1, zeroblob(5000))"));
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  const auto sharding = PlanShards(*database, MappingOf(*database, "t"), 1'000'000);
  ASSERT_THAT(sharding, IsOk());
  EXPECT_EQ(sharding->bytes, 1999 * 8 + 5000);
}

TEST(PlanShardsTest, NeverMakesMoreThan4096) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, x);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO t SELECT i, i FROM "
      "n");
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  const core::Mapping mapping = MappingOf(*database, "t");
  const auto sharding = PlanShards(*database, mapping, 1);
  ASSERT_THAT(sharding, IsOk());
  EXPECT_GT(sharding->boundaries.size(), 3000u);
  EXPECT_LE(sharding->boundaries.size() + 1, 4096u);
  EXPECT_EQ(sharding->rows, 40000);
}

TEST(MakeRangeQueryTest, RefusesARecordOfAnotherKey) {
  core::Mapping mapping;
  mapping.key.expressions = {"t.a", "t.b"};
  mapping.from_sql = "t";
  EXPECT_EQ(MakeRangeQuery(mapping, core::EncodeRecord({core::ValueView::Integer(1)}), {}, {}).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace vecferry::sqlite
