// Whether queries use the planned indexes, on what real migrations leave.
#include "common/rpc/plan_codec.h"
#include "tests/support/migration_fixture.h"
#include "tests/support/told_findings.h"
#include "tests/support/vestige_store.h"
#include "verifier/structure.h"

namespace vecferry::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class IndexesUsedTest : public MigrationTest {
 protected:
  void Migrate() {
    source_.Close();
    const absl::StatusOr<core::Report> report = RunOnce();
    ASSERT_THAT(report, IsOk());
    postgres::Connection session = database_.Connect();
    const absl::StatusOr<postgres::MigrationRow> row = postgres::GetMigration(session, report->migration_id);
    ASSERT_THAT(row, IsOk());
    const absl::StatusOr<core::Plan> plan = rpc::ParsePlan(row->plan);
    ASSERT_THAT(plan, IsOk());
    plan_ = *plan;
  }

  void MigrateGeneric() {
    WriteStore(100);
    Migrate();
  }

  // Both, one after the other, as a verification runs them.
  void Check(bool indexes_wanted = true) {
    structure_ = ToldFindings();
    used_ = ToldFindings();
    unreadable_.clear();
    postgres::Connection session = database_.Connect();
    EXPECT_THAT(verifier::CheckStructure(session, plan_, indexes_wanted, unreadable_, structure_), IsOk());
    EXPECT_THAT(verifier::CheckIndexesUsed(session, plan_, indexes_wanted, unreadable_, used_), IsOk());
    EXPECT_FALSE(session.in_transaction());
    const auto settings = session.Execute("SELECT current_setting('enable_seqscan'), current_setting('enable_sort')");
    ASSERT_THAT(settings, IsOk());
    EXPECT_EQ(settings->text(0, 0), "on");
    EXPECT_EQ(settings->text(0, 1), "on");
  }

  // "expected: actual" of the checks with that verdict.
  std::vector<std::string> Used(const std::string& verdict) const {
    std::vector<std::string> texts;
    for (const core::CheckReport& check : used_.checks) {
      if (check.verdict == verdict) texts.push_back(absl::StrCat(check.expected, ": ", check.actual));
    }
    return texts;
  }

  core::Plan plan_;
  ToldFindings structure_, used_;
  std::set<std::string> unreadable_;
};

TEST_F(IndexesUsedTest, FindsEveryIndexOfAGenericStoreUsed) {
  MigrateGeneric();
  Check();
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(structure_.With("skipped"), IsEmpty());
  EXPECT_THAT(Used("pass"), UnorderedElementsAre("people_pkey: Index Scan using people_pkey, rows: 1",
                                                 "notes_pkey: Index Scan using notes_pkey, rows: 1",
                                                 AllOf(HasSubstr("notes_by_person: "), HasSubstr("rows: 50")),
                                                 "notes_embedding_hnsw: Index Scan using notes_embedding_hnsw, rows: 10"));
  EXPECT_EQ(used_.checks.size(), 4);
  for (const core::CheckReport& check : used_.checks) {
    EXPECT_THAT(check.evidence, HasSubstr("by default the planner takes: "));
  }
}

TEST_F(IndexesUsedTest, FindsEveryIndexOfAVestigeStoreUsed) {
  MakeVestigeStore(source_, {.version = 18, .damages = AllDamages()});
  Migrate();
  Check();
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(structure_.With("skipped"), IsEmpty());
  EXPECT_THAT(Used("fail"), IsEmpty());
  EXPECT_THAT(Used("skipped"), IsEmpty());
  EXPECT_THAT(Used("pass"), Contains("idx_knowledge_nodes_embedding_hnsw: Index Scan using "
                                     "idx_knowledge_nodes_embedding_hnsw, rows: 10"));
  EXPECT_THAT(Used("pass"), Contains(HasSubstr("idx_knowledge_nodes_search_vec: Bitmap Heap Scan, Bitmap Index Scan")));
  EXPECT_THAT(Used("pass"), Contains("idx_knowledge_nodes_shared_with_groups: not asked: no row has a value for it"));
}

TEST_F(IndexesUsedTest, LeavesOutWhatNoIndexesLeavesOut) {
  MigrateGeneric();
  database_.Run("DROP INDEX mem.notes_embedding_hnsw; DROP INDEX mem.notes_by_person");
  Check(/*indexes_wanted=*/false);
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(Used("pass"), UnorderedElementsAre(HasSubstr("people_pkey"), HasSubstr("notes_pkey")));
}

TEST_F(IndexesUsedTest, SaysNothingTwice) {
  MigrateGeneric();
  for (const char* fault :
       {"DROP INDEX mem.notes_embedding_hnsw; CREATE INDEX notes_embedding_hnsw ON mem.notes USING hnsw (embedding "
        "public.vector_l2_ops) WITH (m = 16, ef_construction = 64)",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mem.notes_embedding_hnsw'::regclass",
        "DROP INDEX mem.notes_embedding_hnsw"}) {
    database_.Run(fault);
    Check();
    EXPECT_THAT(structure_.With("fail"), ElementsAre("indexes notes"));
    EXPECT_THAT(Used("fail"), IsEmpty());
    EXPECT_EQ(used_.checks.size(), 3);
  }
}

TEST_F(IndexesUsedTest, FailsForAnIndexThatDoesNotHoldTheRows) {
  MigrateGeneric();
  // The index of an empty table in its place: the catalogs are as they were.
  database_.Run("CREATE TABLE public.spare (id bigint PRIMARY KEY)");
  database_.Run(
      "UPDATE pg_class SET relfilenode = (SELECT relfilenode FROM pg_class WHERE oid = "
      "'public.spare_pkey'::regclass) WHERE oid = 'mem.notes_pkey'::regclass");
  Check();
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(Used("fail"), ElementsAre(HasSubstr("notes_pkey: Index Scan using notes_pkey, rows: 0 of 1")));
  EXPECT_THAT(used_.Differences(), ElementsAre(HasSubstr("index notes : index notes_pkey: expected to answer")));
}

TEST_F(IndexesUsedTest, FailsForAnIndexThatCannotBeRead) {
  MigrateGeneric();
  database_.Run(
      "UPDATE pg_class SET relfilenode = (SELECT relfilenode FROM pg_class WHERE oid = 'mem.notes_pkey'::regclass) WHERE "
      "oid = 'mem.notes_embedding_hnsw'::regclass");
  Check();
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(Used("fail"), ElementsAre(HasSubstr("notes_embedding_hnsw: ")));
  EXPECT_EQ(Used("pass").size(), 3);
}

TEST_F(IndexesUsedTest, AcceptsAnotherIndexThatBeginsWithTheSameColumn) {
  MigrateGeneric();
  database_.Run("CREATE UNIQUE INDEX better ON mem.notes (person, id); ANALYZE mem.notes");
  Check();
  EXPECT_THAT(Used("fail"), IsEmpty());
}

TEST_F(IndexesUsedTest, PassesForEmptyTables) {
  source_.Run("CREATE TABLE empty (id INTEGER PRIMARY KEY, a TEXT UNIQUE)");
  Migrate();
  Check();
  EXPECT_THAT(Used("pass"), ElementsAre("empty_pkey: not asked: the table has no rows",
                                        "empty_a_key: not asked: the table has no rows"));
}

TEST_F(IndexesUsedTest, PassesOverTablesThatCannotBeRead) {
  MigrateGeneric();
  database_.Run("ALTER TABLE mem.notes DROP COLUMN body");
  Check();
  EXPECT_THAT(structure_.With("fail"), ElementsAre("table_structure notes"));
  EXPECT_THAT(used_.With("pass"), ElementsAre("index_used people"));
}

}  // namespace
}  // namespace vecferry::testing
