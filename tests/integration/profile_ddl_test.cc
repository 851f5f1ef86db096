#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/support/draw_plan.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"
#include "tests/support/vestige_store.h"

namespace vecferry::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What the coordinator does with a plan, without rows.
void MakeTables(TestDatabase& database, const core::Plan& plan) {
  database.Run("CREATE SCHEMA IF NOT EXISTS mem");
  for (const std::string& sql : plan.setup_sql) database.Run(sql);
  for (const core::Table& table : plan.tables) {
    if (!table.existed) database.Run(table.create_sql);
  }
  for (const std::string& sql : plan.seed_sql) database.Run(sql);
}

void Finish(TestDatabase& database, const core::Plan& plan) {
  for (const core::FinishStep& step : plan.steps) {
    if (!step.sql.empty()) database.Run(step.sql);
  }
}

postgres::Catalog ReadCatalog(TestDatabase& database) {
  postgres::Connection session = database.Connect();
  absl::StatusOr<postgres::Catalog> catalog = postgres::ReadCatalog(session, "mem");
  EXPECT_THAT(catalog, IsOk());
  return catalog.ok() ? *catalog : postgres::Catalog();
}

class VestigeDdlTest : public ::testing::TestWithParam<int> {
 protected:
  SqliteFile file_;
  TestDatabase database_;
};

TEST_P(VestigeDdlTest, MakesEveryTableKeyAndIndex) {
  MakeVestigeStore(file_, {.version = GetParam(), .damages = AllDamages()});
  const absl::StatusOr<core::Plan> plan = DrawPlan(file_, MakeIdentity(file_));
  ASSERT_THAT(plan, IsOk());
  MakeTables(database_, *plan);
  Finish(database_, *plan);
  for (const core::FinishStep& step : plan->steps) {
    const bool index = step.kind == core::StepKind::kIndex;
    if (!index && step.kind != core::StepKind::kConstraint && step.kind != core::StepKind::kForeignKey) continue;
    EXPECT_EQ(
        database_.QueryValue(absl::StrCat(
            index ? "SELECT count(*) FROM pg_indexes WHERE schemaname = 'mem' AND indexname = "
                  : "SELECT count(*) FROM pg_constraint WHERE connamespace = 'mem'::regnamespace AND conname = ",
            core::QuoteLiteral(step.name), index ? " AND tablename = " : " AND conrelid::regclass::text = 'mem.' || ",
            core::QuoteLiteral(step.table))),
        "1")
        << step.sql;
  }
  // A second run finds what the first one made, and has nothing to make.
  const postgres::Catalog catalog = ReadCatalog(database_);
  const absl::StatusOr<core::Plan> again = DrawPlan(file_, MakeIdentity(file_), &catalog);
  ASSERT_THAT(again, IsOk());
  for (const core::Table& table : again->tables) EXPECT_TRUE(table.existed) << table.name;
  for (const core::Mapping& mapping : again->mappings) EXPECT_EQ(mapping.mode, core::LoadMode::kMerge);
  for (const core::FinishStep& step : again->steps) EXPECT_THAT(step.sql, "");
}

INSTANTIATE_TEST_SUITE_P(Versions, VestigeDdlTest, ::testing::Values(1, 5, 16, 18, 28, 32));

class DdlTest : public ::testing::Test {
 protected:
  core::Plan Draw(const postgres::Catalog* catalog = nullptr) {
    file_.Close();
    absl::StatusOr<core::Plan> plan = DrawPlan(file_, MakeIdentity(file_), catalog);
    EXPECT_THAT(plan, IsOk());
    return plan.ok() ? *plan : core::Plan();
  }
  SqliteFile file_;
  TestDatabase database_;
};

TEST_F(DdlTest, SearchesLongTextsAndKeepsTimesUntilTheTriggerIsMade) {
  MakeVestigeStore(file_, {.version = 18});
  const core::Plan plan = Draw();
  MakeTables(database_, plan);
  database_.Run(
      "INSERT INTO mem.knowledge_nodes (id, content, tags, updated_at) SELECT gen_random_uuid(), "
      "string_agg('word' || i, ' '), '{alpha,beta}', '2026-01-01Z' FROM generate_series(1, 200000) i");
  EXPECT_EQ(database_.QueryValue("SELECT search_vec @@ 'word1 & alpha' FROM mem.knowledge_nodes"), "t");
  database_.Run("UPDATE mem.knowledge_nodes SET node_type = 'fact'");
  EXPECT_EQ(database_.QueryValue("SELECT updated_at = '2026-01-01Z' FROM mem.knowledge_nodes"), "t");
  Finish(database_, plan);
  database_.Run("UPDATE mem.knowledge_nodes SET node_type = 'note'");
  EXPECT_EQ(database_.QueryValue("SELECT updated_at = '2026-01-01Z' FROM mem.knowledge_nodes"), "f");
}

TEST_F(DdlTest, GivesMemoriesToWhoeverHasTheHandleLocal) {
  MakeVestigeStore(file_, {.version = 18});
  const core::Plan first = Draw();
  database_.Run("CREATE SCHEMA mem");
  for (const core::Table& table : first.tables) {
    if (table.name == "users") database_.Run(table.create_sql);
  }
  database_.Run(
      "ALTER TABLE mem.users ADD PRIMARY KEY (id); ALTER TABLE mem.users ADD UNIQUE (handle);"
      "INSERT INTO mem.users (id, handle) VALUES ('0b8d6c1e-0000-4000-8000-000000000077', 'local')");
  const postgres::Catalog catalog = ReadCatalog(database_);
  const core::Plan plan = Draw(&catalog);
  MakeTables(database_, plan);
  database_.Run("INSERT INTO mem.knowledge_nodes (id, content) VALUES (gen_random_uuid(), 'x')");
  Finish(database_, plan);
  EXPECT_THAT(database_.Query("SELECT k.owner_user_id FROM mem.knowledge_nodes k JOIN mem.users u ON u.id = "
                              "k.owner_user_id WHERE u.handle = 'local'"),
              ElementsAre("0b8d6c1e-0000-4000-8000-000000000077"));
}

TEST_F(DdlTest, TakesOddNames) {
  const std::string longest(70, 'n');
  file_.Run(
      absl::StrCat("CREATE TABLE \"Order \"\" Items\" (\"ctid\" INTEGER PRIMARY KEY, \"a b\" TEXT UNIQUE, \"A B2\" "
                   "TEXT, \"select\" BLOB DEFAULT x'00', \"",
                   longest, "\" TEXT DEFAULT 'it''s', \"", longest,
                   "2\" JSON DEFAULT '{}', oid, \"\" TEXT);"
                   "CREATE TABLE \"order \"\" items2\" (\"\xc3\xa9\" TEXT, at DATETIME DEFAULT CURRENT_TIMESTAMP);"
                   "CREATE INDEX \"",
                   longest, "_a\" ON \"Order \"\" Items\"(\"A B2\"); CREATE INDEX \"", longest,
                   "_b\" ON \"Order \"\" Items\"(\"a b\", \"A B2\")"));
  const core::Plan plan = Draw();
  MakeTables(database_, plan);
  Finish(database_, plan);
  EXPECT_EQ(database_.QueryValue("SELECT count(*) FROM pg_class WHERE relnamespace = 'mem'::regnamespace AND relkind = "
                                 "'i' AND relname LIKE 'nnnn%'"),
            "2");
  EXPECT_TRUE(HasNote(plan, "is named ctid_"));
}

TEST_F(DdlTest, ListsAllDifferencesOfExistingTablesAtOnce) {
  file_.Run("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, embedding BLOB, lost TEXT)");
  file_.Run(absl::StrCat("INSERT INTO t VALUES (1, 'x', ", VectorLiteral({0.5F, 1, 2}), ", NULL)"));
  database_.Run(
      "CREATE SCHEMA mem; CREATE TABLE mem.t (id bigint, name integer, embedding public.vector(4), needed text "
      "NOT NULL, filled text NOT NULL DEFAULT ''); CREATE UNIQUE INDEX half ON mem.t (id) WHERE id > 5");
  const postgres::Catalog catalog = ReadCatalog(database_);
  file_.Close();
  EXPECT_THAT(DrawPlan(file_, MakeIdentity(file_), &catalog),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("t.name is integer, not text"), HasSubstr("t.lost is missing (text)"),
                             HasSubstr("t.embedding is vector(4), not vector(3)"),
                             HasSubstr("t.needed is NOT NULL without a default"), HasSubstr("no valid unique index"),
                             Not(HasSubstr("filled")))));
}

TEST_F(DdlTest, MergesIntoATableThatFits) {
  file_.Run("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, body JSON); INSERT INTO t VALUES (9, 'not json')");
  database_.Run(
      "CREATE SCHEMA mem; CREATE TABLE mem.t (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, body "
      "jsonb, more text)");
  const postgres::Catalog catalog = ReadCatalog(database_);
  const core::Plan plan = Draw(&catalog);
  EXPECT_EQ(plan.mappings[0].mode, core::LoadMode::kMerge);
  // What an earlier run made of the column stands: the value that does not fit is repaired.
  EXPECT_EQ(TypeOf(plan, "t", "body"), "jsonb");
  const core::FinishStep* sequence = FindStep(plan, core::StepKind::kSequence, "id");
  ASSERT_NE(sequence, nullptr);
  EXPECT_EQ(sequence->value, 9);
}

TEST_F(DdlTest, RefusesToMergeIntoAView) {
  file_.Run("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  database_.Run("CREATE SCHEMA mem; CREATE VIEW mem.t AS SELECT 1::bigint AS id");
  const postgres::Catalog catalog = ReadCatalog(database_);
  file_.Close();
  EXPECT_THAT(DrawPlan(file_, MakeIdentity(file_), &catalog),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("t is there and is no table")));
}

}  // namespace
}  // namespace vecferry::testing
