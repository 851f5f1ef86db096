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
    postgres::Connection session = database_.Connect();
    Check(session, indexes_wanted);
  }

  void Check(postgres::Connection& session, bool indexes_wanted = true) {
    structure_ = ToldFindings();
    used_ = ToldFindings();
    unreadable_.clear();
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
  EXPECT_THAT(Used("pass"),
              UnorderedElementsAre("people_pkey: Index Scan using people_pkey, rows: 1",
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
      "UPDATE pg_class SET relfilenode = (SELECT relfilenode FROM pg_class WHERE oid = 'mem.notes_pkey'::regclass) "
      "WHERE "
      "oid = 'mem.notes_embedding_hnsw'::regclass");
  Check();
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(Used("fail"), ElementsAre(HasSubstr("notes_embedding_hnsw: ")));
  EXPECT_EQ(Used("pass").size(), 3);
}

TEST_F(IndexesUsedTest, AcceptsAnotherIndexThatBeginsWithTheSameColumn) {
  source_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_id ON t(id); INSERT INTO t VALUES (1, 'x')");
  Migrate();
  Check();
  // Either is as good.
  EXPECT_THAT(Used("pass"),
              ElementsAre("t_pkey: Index Scan using t_id, rows: 1", "t_id: Index Scan using t_id, rows: 1"));
  EXPECT_THAT(used_.checks[0].evidence, HasSubstr("; index t_id begins with the same column"));
}

// A primary key finds a row better by all columns of a large index than that itself.
TEST_F(IndexesUsedTest, AsksForFewerColumnsWhereAnotherIndexServesAll) {
  source_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a_id ON t(a, id);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
      " INSERT INTO t SELECT i, hex(randomblob(700)) FROM n");
  Migrate();
  Check();
  EXPECT_THAT(Used("fail"), IsEmpty());
  EXPECT_THAT(Used("pass"), Contains(AllOf(HasSubstr("t_a_id: "), HasSubstr("using t_a_id, rows: 1"))));
  EXPECT_THAT(used_.checks[1].evidence, AllOf(HasSubstr("by default the planner takes: Index Scan using t_pkey"),
                                              Not(HasSubstr("begins with the same column"))));
}

TEST_F(IndexesUsedTest, FailsForAnIndexThatThePlannerDoesNotTake) {
  source_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE INDEX t_a ON t(a); INSERT INTO t VALUES (1, 'x')");
  Migrate();
  // An index that came with broken chains of updates: not for transactions beside one that is older than it.
  postgres::Connection old = database_.Connect();
  ASSERT_THAT(old.ExecuteScript("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()"), IsOk());
  database_.Run("UPDATE pg_index SET indcheckxmin = true WHERE indexrelid = 'mem.t_a'::regclass");
  Check();
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(Used("fail"), ElementsAre("t_a: Seq Scan"));
}

TEST_F(IndexesUsedTest, AsksAtAStandbyToo) {
  MigrateGeneric();
  TestPostgres standby(TestPostgres::StandbyOf{TestPostgres::Shared()});
  postgres::ConnectionOptions options;
  options.conninfo = standby.conninfo(database_.name());
  absl::StatusOr<postgres::Connection> session = postgres::Connection::Open(options);
  ASSERT_THAT(session, IsOk());
  Check(*session);
  EXPECT_THAT(structure_.With("skipped"), ElementsAre("structure "));
  EXPECT_THAT(structure_.checks[1].actual, HasSubstr("verify at the primary"));
  EXPECT_THAT(structure_.With("fail"), IsEmpty());
  EXPECT_THAT(structure_.With("pass"), Contains("sequences people"));
  EXPECT_THAT(Used("fail"), IsEmpty());
  EXPECT_EQ(Used("pass").size(), 4);
}

// An index by cosine leaves out vectors without a direction.
TEST_F(IndexesUsedTest, ExpectsNoZeroVectorsByCosine) {
  WriteStore(3);
  source_.Run(absl::StrCat("UPDATE notes SET embedding = ", VectorLiteral({0, 0, 0}), " WHERE id < 3"));
  Migrate();
  Check();
  EXPECT_THAT(Used("fail"), IsEmpty());
  EXPECT_THAT(Used("pass"), Contains("notes_embedding_hnsw: Index Scan using notes_embedding_hnsw, rows: 1"));
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
