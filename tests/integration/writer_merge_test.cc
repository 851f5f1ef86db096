// Merging into a table that existed.
#include <gmock/gmock.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/writer_fixture.h"

namespace vecferry::writer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::WriterFixture;

WriterFixture::Options Merge(const std::string& on_conflict, const std::string& more_sql = "") {
  WriterFixture::Options options;
  options.mode = core::LoadMode::kMerge;
  options.on_conflict = on_conflict;
  options.table_sql = absl::StrCat(
      "CREATE TABLE items (id bigint PRIMARY KEY, content text, own text DEFAULT 'own'); "
      "INSERT INTO items (id, content) VALUES (2, 'same'), (3, 'theirs'), (4, NULL);",
      more_sql);
  return options;
}

const std::vector<vecferry::testing::Item> kItems = {
    {1, "new"}, {2, "same"}, {3, "ours"}, {4, std::nullopt}, {5, "new"}};

TEST(WriterMergeTest, SkipKeepsTheRowThatIsThereAndNamesIt) {
  WriterFixture fixture(Merge("skip"));
  ASSERT_THAT(fixture.CarryAll(kItems), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|new", "2|same", "3|theirs", "4|NULL", "5|new"));
  EXPECT_EQ(fixture.Counters(), "5|2|2|0|1|0|0");
  EXPECT_THAT(fixture.Issues(), ElementsAre("3||conflict|skipped"));
  EXPECT_THAT(fixture.db().QueryValue("SELECT reason FROM vecferry.issues"), HasSubstr("\"content\""));
  EXPECT_EQ(fixture.db().QueryValue("SELECT count(*) FROM items WHERE own = 'own'"), "5");
}

TEST(WriterMergeTest, UpdateTakesTheSourcesRowAndTouchesNoEqualOne) {
  WriterFixture fixture(Merge("update"));
  const std::string untouched = "SELECT string_agg(xmin::text, ',' ORDER BY id) FROM items WHERE id IN (2, 4)";
  const std::string before = fixture.db().QueryValue(untouched);
  ASSERT_THAT(fixture.CarryAll(kItems), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|new", "2|same", "3|ours", "4|NULL", "5|new"));
  EXPECT_EQ(fixture.Counters(), "5|2|2|1|0|0|0");
  EXPECT_THAT(fixture.Issues(), IsEmpty());
  EXPECT_EQ(fixture.db().QueryValue(untouched), before);
}

TEST(WriterMergeTest, FailStopsAtTheFirstConflictAndWritesNothing) {
  WriterFixture fixture(Merge("fail"));
  EXPECT_THAT(fixture.CarryAll(kItems),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("{\"rowid\": 3}"), HasSubstr("source_items"), HasSubstr("--on-conflict"))));
  EXPECT_THAT(fixture.Items(), ElementsAre("2|same", "3|theirs", "4|NULL"));
  EXPECT_EQ(fixture.Counters(), "0|0|0|0|0|0|0");
}

TEST(WriterMergeTest, ASecondRunFindsEveryRowThere) {
  for (const char* on_conflict : {"skip", "update", "fail"}) {
    WriterFixture fixture(Merge(on_conflict, "DELETE FROM items"));
    ASSERT_THAT(fixture.CarryAll(kItems, /*shard=*/0), IsOk());
    ASSERT_THAT(fixture.CarryAll(kItems, /*shard=*/1), IsOk());
    EXPECT_EQ(fixture.Counters(), "10|5|5|0|0|0|0") << on_conflict;
  }
}

TEST(WriterMergeTest, AnotherUniqueIndexRefusesARowInsteadOfHidingIt) {
  WriterFixture fixture(Merge("skip", "CREATE UNIQUE INDEX ON items (content)"));
  ASSERT_THAT(fixture.CarryAll({{1, "new"}, {6, "theirs"}, {7, "last"}}), IsOk());
  EXPECT_EQ(fixture.Counters(), "3|2|0|0|0|0|1");
  EXPECT_THAT(fixture.Issues(), ElementsAre("6||duplicate_key|rejected"));
}

TEST(WriterMergeTest, TwoRowsOfOneGroupWithOneKeyAreToldApart) {
  for (const char* on_conflict : {"skip", "update"}) {
    WriterFixture fixture(Merge(on_conflict));
    ASSERT_THAT(fixture.CarryAll({{1, "first"}, {1, "first"}, {6, "a"}, {6, "b"}}), IsOk());
    const bool skip = std::string(on_conflict) == "skip";
    EXPECT_EQ(fixture.Counters(), skip ? "4|2|1|0|1|0|0" : "4|2|1|1|0|0|0");
    EXPECT_EQ(fixture.db().QueryValue("SELECT content FROM items WHERE id = 6"), skip ? "a" : "b");
  }
}

TEST(WriterMergeTest, DeferredConstraintsRefuseTheirRow) {
  WriterFixture fixture(Merge("skip",
                              "CREATE TABLE parents (name text PRIMARY KEY); INSERT INTO parents VALUES ('same'), "
                              "('theirs'), ('ok'); ALTER TABLE items ADD FOREIGN KEY (content) REFERENCES parents "
                              "DEFERRABLE INITIALLY DEFERRED"));
  ASSERT_THAT(fixture.CarryAll({{1, "ok"}, {5, "orphan"}, {6, "ok"}}), IsOk());
  EXPECT_EQ(fixture.Counters(), "3|2|0|0|0|0|1");
  EXPECT_THAT(fixture.Issues(), ElementsAre("5||foreign_key|rejected"));
}

TEST(WriterMergeTest, IdentityColumnsTakeTheSourcesValues) {
  WriterFixture::Options options = Merge("skip");
  options.table_sql = "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content text)";
  WriterFixture fixture(options);
  ASSERT_THAT(fixture.CarryAll({{40, "a"}, {41, "b"}}), IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("40|a", "41|b"));
}

TEST(WriterMergeTest, ATriggerThatSwallowsRowsIsAnError) {
  WriterFixture fixture(Merge("skip", R"sql(
    CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER swallow BEFORE INSERT ON items FOR EACH ROW WHEN (new.content = 'gone') EXECUTE FUNCTION swallow();
  )sql"));
  EXPECT_THAT(fixture.CarryAll({{1, "a"}, {6, "gone"}}), StatusIs(absl::StatusCode::kInternal, HasSubstr("trigger")));
  EXPECT_THAT(fixture.Items(), ElementsAre("2|same", "3|theirs", "4|NULL"));
}

// The writer holds row 1 and waits for row 3; the other session holds row 3 and then wants row 1. Postgres ends the one
// that notices first, the writer: it waited for longer.
TEST(WriterMergeTest, ADeadlockIsTriedAgain) {
  WriterFixture fixture(Merge("update", "CREATE INDEX ON items (own)"));
  fixture.db().Run("BEGIN; SET LOCAL deadlock_timeout = '1h'; UPDATE items SET own = 'x' WHERE id = 3");
  absl::Status status;
  std::thread carrying([&] { status = fixture.CarryAll(kItems); });
  postgres::Connection watcher = fixture.db().Connect();
  // Of this database: the server is shared with other tests.
  const std::string waiting =
      "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()";
  while (watcher.Execute(waiting)->rows() == 0) std::this_thread::yield();
  fixture.db().Run("INSERT INTO items VALUES (1, 'between'); COMMIT");
  carrying.join();
  EXPECT_THAT(status, IsOk());
  EXPECT_THAT(fixture.Items(), ElementsAre("1|new", "2|same", "3|ours", "4|NULL", "5|new"));
  EXPECT_EQ(fixture.Counters(), "5|1|2|2|0|0|0");
}

}  // namespace
}  // namespace vecferry::writer
