// The structure of a destination under other circumstances: odd names, other roles, many tables.
#include "absl/strings/str_replace.h"
#include "tests/support/structure_fixture.h"

namespace vecferry::testing {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class VestigeStructureTest : public StructureTest, public ::testing::WithParamInterface<int> {};

TEST_P(VestigeStructureTest, IsAsPlanned) {
  MakeVestigeStore(source_, {.version = GetParam(), .damages = AllDamages()});
  DrawAndMake();
  Check();
  EXPECT_THAT(told_.With("fail"), IsEmpty());
  EXPECT_THAT(told_.With("skipped"), IsEmpty());
  EXPECT_THAT(told_.With("pass"), Contains("triggers knowledge_nodes"));
  EXPECT_THAT(told_.With("pass"), Contains("functions "));
}

INSTANTIATE_TEST_SUITE_P(Versions, VestigeStructureTest, ::testing::Values(1, 5, 16, 18, 28, 32));

class PlacesTest : public StructureTest {
 protected:
  void MakeGeneric() {
    WriteGenericStore();
    DrawAndMake();
  }
  std::string ForeignKeyName() const {
    for (const core::FinishStep& step : plan_.steps) {
      if (step.kind == core::StepKind::kForeignKey) return step.name;
    }
    return "";
  }
  void ExpectOnly(const std::string& check, const std::string& difference) {
    EXPECT_THAT(told_.With("fail"), ElementsAre(check));
    EXPECT_THAT(told_.Differences(), ElementsAre(HasSubstr(difference)));
  }
};

TEST_F(PlacesTest, HasOddNames) {
  const std::string longest(63, 'n');
  source_.Run(
      absl::StrCat("CREATE TABLE \"Order \"\" Items\" (\"ctid\" INTEGER PRIMARY KEY AUTOINCREMENT, \"a b\" TEXT "
                   "UNIQUE, \"A B2\" TEXT, "
                   "\"select\" TEXT DEFAULT '\"Odd \"\" s''chema\".\"pg_class\" pg_temp.x', \"",
                   longest,
                   "\" INTEGER REFERENCES \"pg_class\"(\"it's\"));"
                   "CREATE TABLE \"pg_class\" (\"it's\" INTEGER PRIMARY KEY, oid TEXT, \" USING \" TEXT);"
                   "CREATE INDEX \"",
                   longest,
                   "\" ON \"Order \"\" Items\"(\"A B2\");"
                   "CREATE INDEX \"an ON \"\" index\" ON \"pg_class\"(\" USING \", \"oid\")"));
  DrawAndMake(nullptr, "Odd \" s'chema");
  Check();
  EXPECT_THAT(told_.With("fail"), IsEmpty());
  EXPECT_THAT(told_.Differences(), IsEmpty());
  const std::string schema = "\"Odd \"\" s'chema\".";
  database_.Run(absl::StrCat("DROP INDEX ", schema, "\"", longest, "\""));
  Check();
  ExpectOnly("indexes Order \" Items", absl::StrCat("index Order \" Items A B2: index ", longest, ": expected"));
  database_.Run(absl::StrCat("CREATE INDEX \"", longest, "\" ON ", schema,
                             "\"Order \"\" Items\" (\"A B2\"); ALTER TABLE ", schema,
                             "\"Order \"\" Items\" DROP CONSTRAINT ", core::QuoteIdentifier(ForeignKeyName())));
  Check();
  ExpectOnly("foreign_keys Order \" Items", "REFERENCES \"Odd \"\" s'chema\".pg_class(\"it's\"), found none");
}

TEST_F(PlacesTest, LeavesNothingBehind) {
  MakeVestigeStore(source_, {.version = 18});
  DrawAndMake();
  Check();
  EXPECT_EQ(database_.QueryValue("SELECT count(*) FROM pg_class WHERE relpersistence = 't'"), "0");
  EXPECT_EQ(database_.QueryValue("SELECT count(*) FROM pg_proc WHERE pronamespace::regnamespace::text LIKE 'pg_temp%'"),
            "0");
}

TEST_F(PlacesTest, TakesWhatPeopleAdd) {
  MakeGeneric();
  database_.Run(
      "ALTER TABLE mem.notes ADD COLUMN extra text NOT NULL DEFAULT 'x', ADD CHECK (id < 1000), ALTER body SET DEFAULT "
      "'y', ALTER body SET NOT NULL; CREATE INDEX more ON mem.notes (body); ALTER INDEX mem.notes_by_person RENAME TO "
      "renamed; ALTER TABLE mem.people RENAME CONSTRAINT people_email_key TO key_of_email; ALTER TABLE mem.notes ADD "
      "UNIQUE (id, person); CREATE FUNCTION mem.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
      "CREATE "
      "TRIGGER more BEFORE INSERT ON mem.notes FOR EACH ROW EXECUTE FUNCTION mem.f()");
  Check();
  EXPECT_THAT(told_.With("fail"), IsEmpty());
  EXPECT_THAT(told_.Differences(), IsEmpty());
}

TEST_F(PlacesTest, NamesSomeOfManyDifferences) {
  source_.Run("CREATE TABLE wide (id INTEGER PRIMARY KEY)");
  std::string sql = "ALTER TABLE mem.wide ";
  for (int i = 0; i < 130; ++i) {
    source_.Run(absl::StrCat("ALTER TABLE wide ADD COLUMN c", i, " TEXT"));
    absl::StrAppend(&sql, i == 0 ? "" : ", ", "DROP COLUMN c", i);
  }
  DrawAndMake();
  database_.Run(sql);
  Check();
  EXPECT_THAT(told_.With("fail"), ElementsAre("table_structure wide"));
  EXPECT_THAT(told_.differences, SizeIs(core::kDifferencesMax));
  EXPECT_EQ(told_.differences_more, 30);
}

// More than are made at once, each referring to the one before.
TEST_F(PlacesTest, HasManyTables) {
  for (int i = 0; i < 120; ++i) {
    source_.Run(absl::StrCat("CREATE TABLE t", i, " (id INTEGER PRIMARY KEY AUTOINCREMENT, other INTEGER",
                             i == 0 ? "" : absl::StrCat(" REFERENCES t", i - 1, "(id)"),
                             ", a TEXT, b TEXT UNIQUE, e BLOB);"
                             "CREATE INDEX t",
                             i, "_a ON t", i, "(a); INSERT INTO t", i, " (id, e) VALUES (1, ", VectorLiteral({1, 2}),
                             ")"));
  }
  DrawAndMake();
  Check();
  EXPECT_THAT(told_.With("fail"), IsEmpty());
  EXPECT_THAT(told_.With("pass"), Contains("foreign_keys t119"));
  database_.Run("ALTER TABLE mem.t50 DROP CONSTRAINT t50_other_fkey");
  Check();
  ExpectOnly("foreign_keys t50", "REFERENCES mem.t49(id), found none");
  database_.Run("DROP TABLE mem.t49 CASCADE");
  Check();
  ExpectOnly("table_structure t49", "found none");
}

TEST_F(PlacesTest, FindsTheExtensionMoved) {
  MakeGeneric();
  database_.Run("CREATE SCHEMA ext; ALTER EXTENSION vector SET SCHEMA ext");
  Check();
  ExpectOnly("extension ", "extension vector: expected in schema public, found in schema ext");
  EXPECT_THAT(unreadable_, IsEmpty());
}

TEST_F(PlacesTest, FindsTheExtensionGone) {
  MakeGeneric();
  database_.Run("DROP EXTENSION vector CASCADE");
  Check();
  ExpectOnly("extension ", "found none");
  EXPECT_THAT(unreadable_, ElementsAre("notes"));
}

TEST_F(PlacesTest, TellsWhatTheServerRefuses) {
  MakeGeneric();
  for (core::FinishStep& step : plan_.steps) {
    if (step.vector_index) step.sql = absl::StrReplaceAll(step.sql, {{"vector_cosine_ops", "vector_other_ops"}});
  }
  Check();
  ExpectOnly("indexes notes", "this server refuses the plan's statement: operator class");
}

TEST_F(PlacesTest, ComparesWhereTransactionsAreReadOnlyByDefault) {
  MakeGeneric();
  database_.Run("DROP INDEX mem.notes_by_person");
  postgres::Connection session = database_.Connect();
  ASSERT_THAT(session.ExecuteScript("SET default_transaction_read_only TO on"), IsOk());
  Check(session);
  EXPECT_THAT(told_.With("skipped"), IsEmpty());
  EXPECT_THAT(told_.With("fail"), ElementsAre("indexes notes"));
}

TEST_F(PlacesTest, LooksAtWhatItCanWithoutTemporaryTables) {
  MakeGeneric();
  database_.Run(absl::StrCat("REVOKE TEMPORARY ON DATABASE ", database_.name(), " FROM PUBLIC"));
  postgres::Connection session = ConnectAsReader();
  Check(session);
  EXPECT_THAT(told_.With("skipped"), ElementsAre("structure "));
  EXPECT_THAT(told_.checks[1].actual,
              HasSubstr(absl::StrCat("GRANT TEMPORARY ON DATABASE ", database_.name(), " TO ", role_)));
  EXPECT_THAT(told_.With("fail"), IsEmpty());
  EXPECT_THAT(told_.With("pass"), Contains("row_security notes"));
  database_.Run(
      "ALTER TABLE mem.notes ALTER embedding TYPE public.vector; DROP TABLE mem.plain; CREATE VIEW mem.plain AS SELECT "
      "1");
  Check(session);
  EXPECT_THAT(told_.With("fail"), ElementsAre("table_structure notes", "table_structure plain"));
  EXPECT_THAT(unreadable_, ElementsAre("notes", "plain"));
}

TEST_F(PlacesTest, FindsRowsHiddenFromItsRole) {
  MakeGeneric();
  database_.Run(
      "ALTER TABLE mem.people ENABLE ROW LEVEL SECURITY; ALTER TABLE mem.people FORCE ROW LEVEL SECURITY; CREATE "
      "POLICY "
      "hiding ON mem.people USING (id > 1)");
  postgres::Connection session = ConnectAsReader();
  Check(session);
  ExpectOnly("row_security people", "row-level security forced: it may hide rows from this role");
  EXPECT_THAT(unreadable_, ElementsAre("people"));
}

TEST_F(PlacesTest, EndsWithAMissingRight) {
  MakeGeneric();
  postgres::Connection session = ConnectAsReader("REVOKE SELECT ON mem.people FROM PUBLIC");
  database_.Run(absl::StrCat("REVOKE SELECT ON mem.people FROM ", role_));
  const std::string settings = SettingsOf(session);
  EXPECT_THAT(verifier::CheckStructure(session, plan_, true, unreadable_, told_),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("people")));
  EXPECT_FALSE(session.in_transaction());
  EXPECT_EQ(SettingsOf(session), settings);
}

TEST_F(PlacesTest, EndsWithTheConnection) {
  MakeGeneric();
  postgres::Connection session = database_.Connect();
  database_.Run(absl::StrCat("SELECT pg_terminate_backend(", session.backend_pid(), ", 5000)"));
  EXPECT_THAT(verifier::CheckStructure(session, plan_, true, unreadable_, told_),
              StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

}  // namespace
}  // namespace vecferry::testing
