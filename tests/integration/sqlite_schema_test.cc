#include <gmock/gmock.h>

#include <string>

#include "common/sqlite/create_sql.h"
#include "common/sqlite/schema.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;

SourceSchema SchemaOf(SqliteFile& file) {
  file.Close();
  absl::StatusOr<Database> database = Database::Open(file.path(), false);
  EXPECT_THAT(database, IsOk());
  absl::StatusOr<SourceSchema> schema = ReadSchema(*database);
  EXPECT_THAT(schema, IsOk());
  return schema.ok() ? *std::move(schema) : SourceSchema{};
}

SourceTable TableOf(const std::string& sql, const std::string& name = "t") {
  SqliteFile file;
  file.Run(sql);
  const SourceSchema schema = SchemaOf(file);
  const SourceTable* table = schema.Find(name);
  EXPECT_NE(table, nullptr);
  return table == nullptr ? SourceTable{} : *table;
}

TEST(ReadSchemaTest, ReadsColumnsAsDeclared) {
  const SourceTable table = TableOf(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL DEFAULT 'x' COLLATE NOCASE, bare,"
      " twice AS (id * 2), kept TEXT GENERATED ALWAYS AS (name || '!') STORED)");
  ASSERT_EQ(table.columns.size(), 5u);
  EXPECT_EQ(table.columns[0].primary_key, 1);
  EXPECT_EQ(table.columns[1].declared_type, "VARCHAR(20)");
  EXPECT_TRUE(table.columns[1].not_null);
  EXPECT_EQ(table.columns[1].default_sql, "'x'");
  EXPECT_EQ(table.columns[1].default_collation, "NOCASE");
  EXPECT_EQ(table.columns[2].declared_type, "");
  EXPECT_FALSE(table.columns[2].generated);
  EXPECT_TRUE(table.columns[3].generated);
  EXPECT_TRUE(table.columns[4].generated);
  EXPECT_EQ(table.rowid_name, "rowid");
  EXPECT_FALSE(table.autoincrement);
}

TEST(ReadSchemaTest, RecognisesWhatIsNoOrdinaryTable) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);"
      "CREATE VIEW recent AS SELECT * FROM notes;"
      "CREATE VIEW broken AS SELECT * FROM gone;"
      "CREATE VIRTUAL TABLE \"notes_fts\" USING fts5(body, content='notes', content_rowid='id');"
      "CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);"
      "CREATE TABLE notes_data(id)");  // named like a shadow table of a virtual table `notes`, which is none
  const SourceSchema schema = SchemaOf(file);
  EXPECT_EQ(schema.Find("notes")->kind, TableKind::kOrdinary);
  EXPECT_EQ(schema.Find("notes_data")->kind, TableKind::kOrdinary);
  EXPECT_EQ(schema.Find("recent")->kind, TableKind::kView);
  EXPECT_EQ(schema.Find("broken")->kind, TableKind::kView);
  EXPECT_EQ(schema.Find("notes_fts")->kind, TableKind::kVirtual);
  EXPECT_EQ(schema.Find("notes_fts")->virtual_module, "fts5");
  for (const char* name : {"notes_fts_data", "notes_fts_idx", "notes_fts_docsize", "notes_fts_config"}) {
    EXPECT_EQ(schema.Find(name)->kind, TableKind::kShadow) << name;
    EXPECT_EQ(schema.Find(name)->owner, "notes_fts") << name;
  }
  EXPECT_EQ(schema.Find("places_node")->kind, TableKind::kShadow);
  EXPECT_EQ(schema.Find("NOTES"), schema.Find("notes"));
  EXPECT_EQ(schema.Find("nothing"), nullptr);
}

// vec0 is not loaded here, as with its users' other tools: its row in the schema is all that there is of it.
TEST(ReadSchemaTest, KeepsTheShadowTablesOfVec0AsOrdinaryOnes) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE emb_chunks(chunk_id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL);"
      "CREATE TABLE emb_rowids(rowid INTEGER PRIMARY KEY AUTOINCREMENT, id, chunk_id INTEGER);"
      "CREATE TABLE emb_vector_chunks00(rowid PRIMARY KEY, vectors BLOB NOT NULL);"
      "CREATE TABLE emb_notes(id);"
      "PRAGMA writable_schema = ON;"
      "INSERT INTO sqlite_schema VALUES ('table', 'emb', 'emb', 0, 'CREATE VIRTUAL TABLE emb USING vec0(v float[4])')");
  const SourceSchema schema = SchemaOf(file);
  EXPECT_EQ(schema.Find("emb")->kind, TableKind::kVirtual);
  EXPECT_EQ(schema.Find("emb")->virtual_module, "vec0");
  EXPECT_THAT(schema.Find("emb")->columns, IsEmpty());
  for (const char* name : {"emb_chunks", "emb_rowids", "emb_vector_chunks00"}) {
    EXPECT_EQ(schema.Find(name)->kind, TableKind::kOrdinary) << name;
    EXPECT_EQ(schema.Find(name)->owner, "emb") << name;
  }
  EXPECT_EQ(schema.Find("emb_notes")->owner, "");
}

TEST(ReadSchemaTest, ReadsForeignKeysInTheirOrderAndResolvesParents) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE Parent(Id TEXT PRIMARY KEY); CREATE TABLE pair(a, b, PRIMARY KEY (b, a));"
      "CREATE TABLE t(x REFERENCES parent ON DELETE CASCADE, p, q, z REFERENCES gone(id),"
      " FOREIGN KEY (p, q) REFERENCES pair)");
  const SourceSchema schema = SchemaOf(file);
  const std::vector<SourceForeignKey>& keys = schema.Find("t")->foreign_keys;
  ASSERT_EQ(keys.size(), 3u);
  EXPECT_THAT(keys[0].columns, ElementsAre("x"));
  EXPECT_EQ(keys[0].parent_table, "Parent");
  EXPECT_THAT(keys[0].parent_columns, ElementsAre("Id"));
  EXPECT_EQ(keys[0].on_delete, "CASCADE");
  EXPECT_EQ(keys[1].parent_table, "gone");
  EXPECT_THAT(keys[2].columns, ElementsAre("p", "q"));
  EXPECT_THAT(keys[2].parent_columns, ElementsAre("b", "a"));
}

TEST(ReadSchemaTest, ReadsIndexes) {
  const SourceTable table = TableOf(
      "CREATE TABLE t(a TEXT PRIMARY KEY, b UNIQUE, c);"
      "CREATE INDEX i1 ON t(c, b); CREATE UNIQUE INDEX i2 ON t(c) WHERE b > 1; CREATE INDEX i3 ON t(lower(c))");
  ASSERT_EQ(table.indexes.size(), 5u);
  EXPECT_THAT(table.indexes[0].columns, ElementsAre("c", "b"));
  EXPECT_FALSE(table.indexes[0].unique);
  EXPECT_TRUE(table.indexes[1].unique && table.indexes[1].partial);
  EXPECT_THAT(table.indexes[2].columns, IsEmpty());
  EXPECT_TRUE(table.indexes[3].from_constraint && table.indexes[4].from_constraint);
}

TEST(ReadSchemaTest, NamesTheRowidByWhateverNoColumnHides) {
  EXPECT_EQ(TableOf("CREATE TABLE t(rowid, _rowid_ TEXT)").rowid_name, "oid");
  EXPECT_EQ(TableOf("CREATE TABLE t(rowid, _rowid_, oid)").rowid_name, "");
  EXPECT_EQ(TableOf("CREATE TABLE t(rowid TEXT, _rowid_, oid INTEGER PRIMARY KEY)").rowid_name, "\"oid\"");
  EXPECT_EQ(TableOf("CREATE TABLE t(rowid, _rowid_, oid INTEGER PRIMARY KEY DESC)").rowid_name, "");
  EXPECT_EQ(TableOf("CREATE TABLE t(id PRIMARY KEY) WITHOUT ROWID").rowid_name, "");
  EXPECT_THAT(MakeSourceKey(TableOf("CREATE TABLE t(rowid, _rowid_, oid)")).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rowid")));
}

TEST(ReadSchemaTest, ReadsSequencesAndAutoincrement) {
  SqliteFile file;
  file.Run(
      "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, x); CREATE TABLE u(id INTEGER PRIMARY KEY,"
      " \"AUTOINCREMENT\" TEXT /* AUTOINCREMENT */); INSERT INTO t(x) VALUES (1), (2), (3); DELETE FROM t WHERE id > "
      "1");
  const SourceSchema schema = SchemaOf(file);
  EXPECT_TRUE(schema.Find("t")->autoincrement);
  EXPECT_EQ(schema.Find("t")->sequence, 3);
  EXPECT_FALSE(schema.Find("u")->autoincrement);
  EXPECT_EQ(schema.Find("u")->sequence, std::nullopt);
}

TEST(ReadSchemaTest, HashesWhatAPlanRestsOnAndNothingElse) {
  SqliteFile file;
  file.Run("CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT)");
  const std::string before = SchemaOf(file).hash;
  file.Run("INSERT INTO t(x) VALUES ('row')");
  EXPECT_EQ(SchemaOf(file).hash, before);
  file.Run("ALTER TABLE t ADD COLUMN y");
  EXPECT_NE(SchemaOf(file).hash, before);
}

TEST(MakeSourceKeyTest, SaysTheTablesOwnOrder) {
  EXPECT_THAT(MakeSourceKey(TableOf("CREATE TABLE t(id INTEGER PRIMARY KEY, x)"))->expressions, ElementsAre("t.rowid"));
  EXPECT_THAT(MakeSourceKey(TableOf("CREATE TABLE t(a TEXT COLLATE NOCASE, b, PRIMARY KEY (b DESC, a)) WITHOUT ROWID"))
                  ->expressions,
              ElementsAre("t.\"b\" DESC", "t.\"a\""));
  EXPECT_THAT(
      MakeSourceKey(TableOf("CREATE TABLE t(a TEXT, PRIMARY KEY (a COLLATE NOCASE)) WITHOUT ROWID"))->expressions,
      ElementsAre("t.\"a\" COLLATE \"NOCASE\""));
}

TEST(VirtualModuleTest, FindsTheModuleWhateverTheNames) {
  EXPECT_EQ(VirtualModule("CREATE VIRTUAL TABLE x USING fts5(a)"), "fts5");
  EXPECT_EQ(VirtualModule("create virtual table if not exists \"using\" using VEC0 (v float[3])"), "vec0");
  EXPECT_EQ(VirtualModule("CREATE VIRTUAL TABLE [a b] /* USING no */ USING\nrtree(id)"), "rtree");
  EXPECT_EQ(VirtualModule("CREATE TABLE x(a)"), "");
}

}  // namespace
}  // namespace vecferry::sqlite
