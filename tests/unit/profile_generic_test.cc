#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/core/record.h"
#include "tests/support/draw_plan.h"
#include "tests/support/status_matchers.h"

namespace vecferry::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Vector(float first, int dimension) {
  std::vector<float> components(static_cast<std::size_t>(dimension), 0.25F);
  components[0] = first;
  return VectorLiteral(components);
}

class GenericTest : public ::testing::Test {
 protected:
  core::Plan Draw() {
    file_.Close();
    absl::StatusOr<core::Plan> plan = DrawPlan(file_, identity_);
    EXPECT_THAT(plan, IsOk());
    if (!plan.ok()) return {};
    EXPECT_THAT(ForgottenColumns(file_, *plan), IsEmpty());
    return *plan;
  }
  SqliteFile file_;
  core::Identity identity_ = MakeIdentity(file_);
};

TEST_F(GenericTest, GivesColumnsTheirDeclaredTypesWhereValuesAllow) {
  file_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, good JSON, bad JSON, flag BOOLEAN, count BOOLEAN, at DATETIME, "
      "never DATETIME, uid UUID, price DECIMAL(9,2), n INTEGER, free, mixed)");
  file_.Run(
      "INSERT INTO t VALUES (1, '{\"a\":1}', '{', 1, 7, '2026-01-02 03:04:05', 'tomorrow', "
      "'0b8d6c1e-0000-4000-8000-000000000001', 1.25, 'text', 5, 5), (2, '[]', '{}', 0, 0, "
      "'2026-01-02T03:04:05Z', '2026-01-01', NULL, 3, 1, 6, 'six')");
  const core::Plan plan = Draw();
  EXPECT_EQ(plan.profile, "generic");
  EXPECT_EQ(TypeOf(plan, "t", "id"), "bigint");
  EXPECT_EQ(TypeOf(plan, "t", "good"), "jsonb");
  EXPECT_EQ(TypeOf(plan, "t", "bad"), "text");
  EXPECT_EQ(TypeOf(plan, "t", "flag"), "boolean");
  EXPECT_EQ(TypeOf(plan, "t", "count"), "bigint");
  EXPECT_EQ(TypeOf(plan, "t", "at"), "timestamptz");
  EXPECT_EQ(TypeOf(plan, "t", "never"), "text");
  EXPECT_EQ(TypeOf(plan, "t", "uid"), "uuid");
  EXPECT_EQ(TypeOf(plan, "t", "price"), "numeric");
  EXPECT_EQ(TypeOf(plan, "t", "n"), "bigint");  // never widens
  EXPECT_EQ(TypeOf(plan, "t", "free"), "bigint");
  EXPECT_EQ(TypeOf(plan, "t", "mixed"), "text");
  EXPECT_TRUE(HasNote(plan, "t.bad is declared JSON"));
}

TEST_F(GenericTest, NumbersFromWhereSqliteWouldGoOn) {
  file_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT); INSERT INTO t (a) VALUES ('x'), ('y'), "
      "('z'); DELETE FROM t WHERE id = 3");
  const core::Plan plan = Draw();
  const core::FinishStep* sequence = FindStep(plan, core::StepKind::kSequence, "id");
  ASSERT_NE(sequence, nullptr);
  EXPECT_EQ(sequence->value, 3);
  EXPECT_THAT(plan.mappings[0].conflict_key, ElementsAre("id"));
  EXPECT_THAT(plan.mappings[0].key.expressions, ElementsAre("t.rowid"));
}

TEST_F(GenericTest, RecognisesVectorsByNameAndContent) {
  file_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, embedding BLOB NOT NULL, image_vector BLOB, avatar BLOB, "
      "vec BLOB, emb TEXT)");
  for (int i = 0; i < 10; ++i) {
    file_.Run(absl::StrCat("INSERT INTO t VALUES (", i, ", ", Vector(0.5F, 8), ", ", Vector(0.5F, i == 3 ? 4 : 8),
                           ", randomblob(32), x'", std::string(64, 'f'), "', '[0.5, 1]')"));
  }
  const core::Plan plan = Draw();
  EXPECT_EQ(TypeOf(plan, "t", "embedding"), "vector(8)");
  EXPECT_EQ(TypeOf(plan, "t", "image_vector"), "vector");
  EXPECT_EQ(TypeOf(plan, "t", "avatar"), "bytea");
  EXPECT_EQ(TypeOf(plan, "t", "vec"), "bytea");  // NaN throughout
  EXPECT_EQ(TypeOf(plan, "t", "emb"), "vector(2)");
  EXPECT_TRUE(HasNote(plan, "t.image_vector: vectors of several dimensions"));
  // A row whose vector is damaged arrives without it.
  EXPECT_FALSE(FindColumn(plan.mappings[0], "embedding")->not_null);
  const core::FinishStep* index = FindStep(plan, core::StepKind::kIndex, "t_embedding_hnsw");
  ASSERT_NE(index, nullptr);
  EXPECT_TRUE(index->optional);
  EXPECT_TRUE(index->vector_index);
  EXPECT_THAT(index->sql, AllOf(HasSubstr("\"public\".\"vector_cosine_ops\""), HasSubstr("m = 16"),
                                HasSubstr("ef_construction = 64")));
  EXPECT_EQ(FindStep(plan, core::StepKind::kIndex, "t_image_vector_hnsw"), nullptr);
}

TEST_F(GenericTest, TakesCompanionColumnsAsAHint) {
  file_.Run("CREATE TABLE t (id INTEGER PRIMARY KEY, content_bits BLOB, dim INTEGER, model TEXT)");
  for (int i = 0; i < 5; ++i) file_.Run(absl::StrCat("INSERT INTO t VALUES (", i, ", ", Vector(0.5F, 8), ", 8, 'm')"));
  EXPECT_EQ(TypeOf(Draw(), "t", "content_bits"), "vector(8)");
}

TEST_F(GenericTest, BelievesWhatIsSaidOfAVector) {
  file_.Run(absl::StrCat("CREATE TABLE t (id INTEGER PRIMARY KEY, bits BLOB); INSERT INTO t VALUES (1, ",
                         Vector(0.5F, 8), ")"));
  identity_.vector_columns = {"t.bits:8"};
  EXPECT_EQ(TypeOf(Draw(), "t", "bits"), "vector(8)");
  for (const auto& [flag, message] : {std::pair{"t.bits:4", "its vectors have the dimensions 8 (1 rows)"},
                                      {"t.bits", "TABLE.COLUMN:DIM is allowed"},
                                      {"t.bits:0", "DIM from 1 to 16000"},
                                      {"t.bots:8", "no such table and column; its tables: t"}}) {
    identity_.vector_columns = {flag};
    EXPECT_THAT(DrawPlan(file_, identity_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  }
}

TEST_F(GenericTest, KeysTablesWithoutKeyByTheirContent) {
  file_.Run("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (1, 'x'), (1.0, 'x'), (2, 'y')");
  const core::Plan plan = Draw();
  const core::Mapping& mapping = plan.mappings[0];
  EXPECT_THAT(mapping.conflict_key, ElementsAre("vecferry_rowhash", "vecferry_occurrence"));
  EXPECT_TRUE(HasNote(plan, "table t has no key"));
  EXPECT_THAT(file_.Query(absl::StrCat("SELECT o.vecferry_occurrence FROM ", mapping.from_sql, " ORDER BY t.rowid")),
              ElementsAre("1", "2", "1", "1"));
  EXPECT_THAT(mapping.duplicates, IsEmpty());
}

TEST_F(GenericTest, NumbersRowsOnlyWhereSomeAreEqual) {
  file_.Run("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (1.0, 'x'), ('1', 'x')");
  const core::Mapping mapping = Draw().mappings[0];
  EXPECT_EQ(mapping.from_sql, "\"t\" AS t");
  EXPECT_EQ(mapping.inputs.back().sql, "1");
}

TEST_F(GenericTest, LeavesOutAForeignKeyThatPostgresWouldReadOtherwise) {
  file_.Run(
      "CREATE TABLE tag (name TEXT COLLATE NOCASE PRIMARY KEY, n INTEGER COLLATE NOCASE UNIQUE);"
      "CREATE TABLE note (id INTEGER PRIMARY KEY, tag TEXT REFERENCES tag, n INTEGER REFERENCES tag(n));"
      "INSERT INTO tag VALUES ('A', 1); INSERT INTO note VALUES (1, 'a', 1)");
  const core::Plan plan = Draw();
  EXPECT_EQ(FindStep(plan, core::StepKind::kForeignKey, "note_tag_fkey"), nullptr);
  EXPECT_NE(FindStep(plan, core::StepKind::kForeignKey, "note_n_fkey"), nullptr);
  EXPECT_TRUE(HasNote(plan, "foreign key (tag) to tag is not carried over: the source finds a parent by NOCASE"));
}

TEST_F(GenericTest, CarriesConstraintsAndIndexes) {
  file_.Run(
      "CREATE TABLE parent (code TEXT PRIMARY KEY, n INTEGER UNIQUE);"
      "CREATE TABLE child (id INTEGER PRIMARY KEY, code TEXT REFERENCES parent ON DELETE SET NULL, lost TEXT "
      "REFERENCES nowhere(x), d TEXT DEFAULT (lower('X')));"
      "CREATE INDEX by_code ON child(code); CREATE INDEX half ON child(code) WHERE code > 'm';"
      "CREATE INDEX by_expr ON child(lower(code)); CREATE UNIQUE INDEX one_each ON child(code, id)");
  const core::Plan plan = Draw();
  EXPECT_NE(FindStep(plan, core::StepKind::kConstraint, "parent_pkey"), nullptr);
  EXPECT_NE(FindStep(plan, core::StepKind::kConstraint, "parent_n_key"), nullptr);
  const core::FinishStep* key = FindStep(plan, core::StepKind::kForeignKey, "child_code_fkey");
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->parent_table, "parent");
  EXPECT_THAT(key->parent_columns, ElementsAre("code"));
  EXPECT_THAT(key->sql, HasSubstr("ON DELETE SET NULL"));
  EXPECT_NE(FindStep(plan, core::StepKind::kIndex, "by_code"), nullptr);
  EXPECT_FALSE(FindStep(plan, core::StepKind::kIndex, "one_each")->optional);
  EXPECT_TRUE(HasNote(plan, "half (is partial)"));
  EXPECT_TRUE(HasNote(plan, "by_expr (has an expression)"));
  EXPECT_TRUE(HasNote(plan, "foreign key (lost) to nowhere is not carried over"));
  EXPECT_TRUE(HasNote(plan, "child.d: its default"));
  const core::Mapping* child = FindMapping(plan, "child", "child");
  EXPECT_THAT(child->parents, ElementsAre(FindMapping(plan, "parent", "parent")->id));
}

TEST_F(GenericTest, KeepsBothEndsOfAForeignKeyAlike) {
  file_.Run(
      "CREATE TABLE parent (id UUID PRIMARY KEY); CREATE TABLE child (id INTEGER PRIMARY KEY, p UUID REFERENCES "
      "parent(id)); INSERT INTO parent VALUES ('0b8d6c1e-0000-4000-8000-000000000001');"
      "INSERT INTO child VALUES (1, 'gone')");
  const core::Plan plan = Draw();
  EXPECT_EQ(TypeOf(plan, "parent", "id"), "text");
  EXPECT_EQ(TypeOf(plan, "child", "p"), "text");
  EXPECT_NE(FindStep(plan, core::StepKind::kForeignKey, "child_p_fkey"), nullptr);
}

TEST_F(GenericTest, NamesWhatItLeavesOut) {
  file_.Run(
      "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT id FROM t; CREATE VIRTUAL "
      "TABLE f USING fts5(x); CREATE TABLE other (id INTEGER PRIMARY KEY); CREATE TRIGGER tr AFTER INSERT ON t "
      "BEGIN SELECT 1; END");
  identity_.skip = {"other"};
  const core::Plan plan = Draw();
  std::set<std::string> left;
  for (const core::LeftOut& entry : plan.left_out) left.insert(entry.name);
  EXPECT_THAT(left, ::testing::IsSupersetOf({"v", "f", "f_data", "f_config", "other", "sqlite_sequence"}));
  EXPECT_TRUE(HasNote(plan, "triggers are not carried over: tr"));
  EXPECT_EQ(plan.mappings.size(), 1U);
}

TEST_F(GenericTest, RefusesWhatDoesNotExist) {
  file_.Run("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  identity_.only = {"tt"};
  EXPECT_THAT(DrawPlan(file_, identity_), StatusIs(absl::StatusCode::kInvalidArgument,
                                                   HasSubstr("--only tt: the source has no such table; it has t")));
  identity_.only = {};
  identity_.skip = {"t"};
  EXPECT_THAT(DrawPlan(file_, identity_), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("left to carry")));
  identity_.skip = {};
  identity_.profile = "vestige";
  EXPECT_THAT(DrawPlan(file_, identity_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("it has no table knowledge_nodes")));
}

TEST_F(GenericTest, FindsKeysThatMeetOnlyAtTheDestination) {
  file_.Run(
      "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('ab', 1), ('a' || char(0) || 'b', 2), "
      "('c', 3), (NULL, 4), (NULL, 5)");
  const core::Plan plan = Draw();
  const std::vector<core::ValueView> second = {core::ValueView::Integer(2)};
  EXPECT_THAT(plan.mappings[0].duplicates, ElementsAre(core::EncodeRecord(second)));
}

TEST_F(GenericTest, KeepsATableWhoseKeyNoIndexCanHold) {
  file_.Run("CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES (hex(zeroblob(2000)), 1)");
  const core::Plan plan = Draw();
  EXPECT_EQ(plan.mappings[0].conflict_key[0], "vecferry_rowhash");
  EXPECT_TRUE(HasNote(plan, "longer than an index entry may be"));
}

TEST_F(GenericTest, ReadsTablesWithoutRowidByTheirKey) {
  file_.Run("CREATE TABLE t (a TEXT COLLATE NOCASE, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID");
  const core::Plan plan = Draw();
  EXPECT_FALSE(plan.mappings[0].key.is_rowid);
  EXPECT_THAT(plan.mappings[0].key.expressions, ElementsAre("t.\"a\" COLLATE NOCASE", "t.\"b\" COLLATE BINARY"));
}

TEST_F(GenericTest, StopsAtTablesWiderThanPostgresAllows) {
  std::string sql = "CREATE TABLE t (id INTEGER PRIMARY KEY";
  for (int i = 0; i < 1700; ++i) absl::StrAppend(&sql, ", c", i);
  file_.Run(sql + ")");
  EXPECT_THAT(DrawPlan(file_, identity_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1701 columns; at most 1599 can be carried")));
}

}  // namespace
}  // namespace vecferry::testing
