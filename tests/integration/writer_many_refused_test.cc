// Groups with hundreds of rows that Postgres refuses: each costs a few loads of a few rows, whatever the group's size.
// Loads are counted by a sequence, which keeps its value when a savepoint is rolled back.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/writer_fixture.h"

namespace vecferry::writer {
namespace {

using ::testing::AllOf;
using ::testing::Gt;
using ::testing::Le;
using ::testing::Lt;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::Item;
using ::vecferry::testing::WriterFixture;

constexpr int kRows = 10'000;
constexpr int kPieces = kRows / 500;  // a refused group is loaded again in pieces of so many rows

// Every 37th row is bad, and two neighbours.
bool IsBad(int id) { return id % 37 == 0 || id == 38; }

std::vector<Item> MakeItems(const std::string& good, const std::string& bad) {
  std::vector<Item> items;
  for (int id = 1; id <= kRows; ++id) items.push_back({id, IsBad(id) ? absl::StrCat(bad, id) : good});
  return items;
}

std::vector<std::string> BadIds() {
  std::vector<std::string> ids;
  for (int id = 1; id <= kRows; ++id) {
    if (IsBad(id)) ids.push_back(absl::StrCat(id));
  }
  return ids;
}

WriterFixture::Options CountLoads(core::LoadMode mode, const std::string& table_sql) {
  WriterFixture::Options options;
  options.mode = mode;
  options.table_sql = absl::StrCat(table_sql, R"sql(;
    CREATE SEQUENCE loads;
    CREATE FUNCTION count_load() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM nextval('loads'); RETURN NULL; END $$;
    CREATE TRIGGER count_load BEFORE INSERT ON items FOR EACH STATEMENT EXECUTE FUNCTION count_load();
  )sql");
  return options;
}

// Carries them, and returns how many loads into the table it took.
int CarryAndCount(WriterFixture& fixture, const std::vector<Item>& items, int shard = 0) {
  const int before = std::stoi(fixture.db().QueryValue("SELECT last_value FROM loads"));
  EXPECT_THAT(fixture.CarryAll(items, shard), IsOk());
  return std::stoi(fixture.db().QueryValue("SELECT last_value FROM loads")) - before;
}

std::vector<std::string> RejectedIds(WriterFixture& fixture, const std::string& kind, int shard = 0) {
  return fixture.db().Query(
      absl::StrCat("SELECT source_rowid FROM vecferry.row_issue WHERE action = 'rejected' AND kind = '", kind,
                   "' AND shard = ", shard, " ORDER BY 1"));
}

void ExpectAllButBad(WriterFixture& fixture) {
  const auto bad = static_cast<int>(BadIds().size());
  EXPECT_EQ(fixture.Counters(), absl::StrCat(kRows, "|", kRows - bad, "|0|0|0|0|", bad));
  EXPECT_EQ(fixture.db().QueryValue("SELECT count(*) FROM items WHERE id % 37 = 0 OR id = 38"), "0");
}

// For each bad row: the load that fails, the rows before it, itself.
int LoadsMax(int bad) { return 3 * bad + kPieces + 1; }

TEST(WriterManyRefusedTest, AFreshTablesRowsAreNamedByTheCopy) {
  WriterFixture fixture(CountLoads(core::LoadMode::kFresh,
                                   "CREATE TABLE items (id bigint, content text CHECK (content NOT LIKE 'bad%'))"));
  EXPECT_THAT(CarryAndCount(fixture, MakeItems("good", "bad")), AllOf(Gt(kPieces), Lt(LoadsMax(BadIds().size()))));
  EXPECT_EQ(RejectedIds(fixture, "check"), BadIds());
  ExpectAllButBad(fixture);
}

TEST(WriterManyRefusedTest, AMergesRowsAreNamedByTheStage) {
  WriterFixture fixture(
      CountLoads(core::LoadMode::kMerge,
                 "CREATE TABLE items (id bigint PRIMARY KEY, content text CHECK (content NOT LIKE 'bad%'))"));
  EXPECT_THAT(CarryAndCount(fixture, MakeItems("good", "bad")), AllOf(Gt(kPieces), Lt(LoadsMax(BadIds().size()))));
  EXPECT_EQ(RejectedIds(fixture, "check"), BadIds());
  ExpectAllButBad(fixture);
  // A second run finds the good ones there and refuses the same ones.
  EXPECT_THAT(CarryAndCount(fixture, MakeItems("good", "bad"), /*shard=*/1), Lt(LoadsMax(BadIds().size())));
  EXPECT_EQ(RejectedIds(fixture, "check", /*shard=*/1), BadIds());
}

constexpr char kOrphans[] =
    "CREATE TABLE parents (name text PRIMARY KEY); INSERT INTO parents VALUES ('good'); "
    "CREATE TABLE items (id bigint PRIMARY KEY, content text REFERENCES parents ";

// A foreign key speaks after the last row of a load: the rows without a partner are looked up all at once.
TEST(WriterManyRefusedTest, AMergesOrphansAreLookedUp) {
  for (const char* when : {")", "DEFERRABLE INITIALLY DEFERRED)"}) {
    WriterFixture fixture(CountLoads(core::LoadMode::kMerge, absl::StrCat(kOrphans, when)));
    // All of them, which fails, the rows between the bad ones, the bad ones.
    const int bad = static_cast<int>(BadIds().size());
    EXPECT_THAT(CarryAndCount(fixture, MakeItems("good", "gone")), Le(2 * bad + 2)) << when;
    EXPECT_EQ(RejectedIds(fixture, "foreign_key"), BadIds());
    ExpectAllButBad(fixture);
  }
}

TEST(WriterManyRefusedTest, AStreamThatMetOrphansLooksForThemFirst) {
  WriterFixture::Options options = CountLoads(core::LoadMode::kMerge, absl::StrCat(kOrphans, ")"));
  options.writer.commit_group_bytes = 1;
  WriterFixture fixture(options);
  auto stream = fixture.Open(fixture.Lease());
  for (std::int64_t id = 0; id < 40; id += 4) {
    const auto position = stream->NextPosition();
    ASSERT_THAT(position, IsOk());
    const std::vector<Item> items = {{id, "good"}, {id + 1, "gone"}, {id + 2, "good"}, {id + 3, "good"}};
    ASSERT_THAT(stream->Send(WriterFixture::MakeBatch(*position, items, /*end=*/id == 36)), IsOk());
  }
  EXPECT_THAT(stream->Finish(), IsOk());
  EXPECT_EQ(fixture.Counters(), "40|30|0|0|0|0|10");
  // Once all of a group for nothing; of each group what is before, the orphan, what is behind.
  EXPECT_EQ(fixture.db().QueryValue("SELECT last_value FROM loads"), "31");
}

// What waits leaves gaps in the stage: the last row of a load need not be the last one of its places.
TEST(WriterManyRefusedTest, OrphansAmongWaitingRowsAreLookedUp) {
  WriterFixture fixture(CountLoads(core::LoadMode::kMerge, R"sql(
    CREATE TABLE parents (name text PRIMARY KEY);
    CREATE TABLE ids (id bigint PRIMARY KEY);
    INSERT INTO ids SELECT i FROM generate_series(1, 10000) i WHERE i % 1000 <> 501;
    CREATE TABLE items (id bigint PRIMARY KEY REFERENCES ids, content text REFERENCES parents))sql"));
  fixture.RenewPlan([](core::Plan& plan) { plan.mappings[0].waiting_keys = {"items_content_fkey"}; });
  std::vector<Item> items;
  for (int id = 1; id <= kRows; ++id) items.push_back({id, id % 2 == 0 ? std::make_optional("later") : std::nullopt});
  // Twice all of them for nothing.
  EXPECT_THAT(CarryAndCount(fixture, items), Le(2 * 10 + 3));
  EXPECT_EQ(RejectedIds(fixture, "waiting").size(), kRows / 2);
  EXPECT_EQ(RejectedIds(fixture, "foreign_key").size(), 10u);
  EXPECT_EQ(fixture.Counters(), "10000|4990|0|0|0|0|5010");
}

// A trigger after the rows names none.
TEST(WriterManyRefusedTest, RowsThatNothingNamesAreFoundByHalving) {
  WriterFixture fixture(CountLoads(core::LoadMode::kMerge, absl::StrCat(kOrphans, R"sql();
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE 'not that one'; END $$;
    CREATE TRIGGER refuse AFTER INSERT ON items FOR EACH ROW WHEN (new.id = 9990 OR new.id = 1)
      EXECUTE FUNCTION refuse())sql")));
  std::vector<Item> items;
  for (int id = 1; id <= kRows; ++id) items.push_back({id, "good"});
  EXPECT_THAT(CarryAndCount(fixture, items), Lt(kPieces + 2 * 2 * 10));
  EXPECT_EQ(RejectedIds(fixture, "trigger"), (std::vector<std::string>{"1", "9990"}));
}

// The key's column is none that was staged.
TEST(WriterManyRefusedTest, OrphansThatCannotBeLookedUpAreFoundByHalving) {
  WriterFixture fixture(CountLoads(core::LoadMode::kMerge,
                                   "CREATE TABLE parents (name text PRIMARY KEY); INSERT INTO parents VALUES ('good'); "
                                   "CREATE TABLE items (id bigint PRIMARY KEY, content text, "
                                   "again text GENERATED ALWAYS AS (content) STORED REFERENCES parents)"));
  ASSERT_THAT(fixture.CarryAll({{1, "good"}, {2, "gone"}, {3, "good"}, {4, "gone"}, {5, "gone"}}), IsOk());
  EXPECT_EQ(RejectedIds(fixture, "foreign_key"), (std::vector<std::string>{"2", "4", "5"}));
  EXPECT_EQ(fixture.Counters(), "5|2|0|0|0|0|3");
}

}  // namespace
}  // namespace vecferry::writer
