// Each way in which a destination can be wrong, alone in a copied store: the verification names it, and nothing else.
#include "tests/support/corruption_fixture.h"
#include "verifier/comparison.h"

namespace vecferry::testing {
namespace {

// All types, two tables, a foreign key, indexes; every kind of value that is easily spoilt.
constexpr char kStore[] =
    "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT 'nobody', note TEXT,"
    " born DATETIME, score REAL, raw BLOB, active BOOLEAN, uid UUID UNIQUE, data JSON, amount NUMERIC);"
    "INSERT INTO people VALUES (1, 'Ada', '', '1815-12-10T12:00:00.123456Z', 0.0, x'00ff', 1,"
    " '01234567-89ab-4def-8123-456789abcdef', '{\"a\": [1, 2], \"b\": 0.12345678901234567, \"c\": null}', '12.50');"
    "INSERT INTO people VALUES (2, 'Grace', 'navy', '1906-12-09', 1.5, x'', 0,"
    " '11234567-89ab-4def-8123-456789abcdef', '[]', '1');"
    "INSERT INTO people VALUES (90, 'gone', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);"
    "DELETE FROM people WHERE id = 90;"
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), body TEXT, model TEXT,"
    " embedding BLOB);"
    "CREATE INDEX notes_by_person ON notes(person);"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
    " INSERT INTO notes SELECT i, 1 + i % 2, 'note ' || i, 'model-a', NULL FROM n;";

constexpr int kNotes = 300;

std::vector<float> NoteVector(int note) {
  return {static_cast<float>(note % 17) + 0.25F, static_cast<float>(note % 5) - 2, 1.0F / static_cast<float>(note)};
}

class NotesCorruptionTest : public CorruptionTest, public ::testing::WithParamInterface<Corruption> {
 protected:
  void Copy() {
    source_.Run(kStore);
    std::string vectors = "BEGIN;";
    for (int note = 1; note <= kNotes; ++note) {
      absl::StrAppend(&vectors, "UPDATE notes SET embedding = ", VectorLiteral(NoteVector(note)), " WHERE id = ", note,
                      ";");
    }
    source_.Run(vectors + "COMMIT;");
    CopyStore();
  }
};

TEST_P(NotesCorruptionTest, IsNamedAlone) {
  ASSERT_NO_FATAL_FAILURE(Copy());
  ExpectNamedAlone(GetParam());
}

// Of the comparison, by the note's key in canonical form: 8 bytes big-endian.
std::size_t BucketOfNote(int note) {
  verifier::RowImage key;
  std::string id(8, '\0');
  id[6] = static_cast<char>(note >> 8);
  id[7] = static_cast<char>(note);
  key.Add(id);
  return verifier::BucketOf(key.HashOf({0}));
}

// All values of two notes of different people change places, but for the keys.
Corruption SwapNotes(bool of_one_bucket) {
  for (int a = 1; a <= kNotes; ++a) {
    for (int b = a + 1; b <= kNotes; b += 2) {
      if ((BucketOfNote(a) == BucketOfNote(b)) != of_one_bucket) continue;
      const std::string difference = "differing notes person,body,embedding";
      return {of_one_bucket ? "two rows of one bucket swapped" : "two rows of different buckets swapped",
              absl::StrCat("UPDATE mem.notes SET id = -id WHERE id IN (", a, ", ", b,
                           "); UPDATE mem.notes SET id = ", a + b, " + id WHERE id < 0"),
              {difference, difference}};
    }
  }
  return {"no two such notes", "SELECT", {"two such notes"}};
}

const std::vector<Corruption> kRows = {
    // 7.25 and the float after it.
    {"one bit of one vector",
     "UPDATE mem.notes SET embedding = '[7.2500005,0,0.14285715]' WHERE id = 7",
     {"differing notes embedding"}},
    {"two vectors swapped",
     "UPDATE mem.notes a SET embedding = b.embedding FROM mem.notes b WHERE a.id IN (3, 4) AND b.id = 7 - a.id",
     {"differing notes embedding", "differing notes embedding"}},
    SwapNotes(/*of_one_bucket=*/true),
    SwapNotes(/*of_one_bucket=*/false),
    {"a row deleted", "DELETE FROM mem.notes WHERE id = 5", {"missing notes "}},
    {"a row doubled",
     "ALTER TABLE mem.notes DROP CONSTRAINT notes_pkey; INSERT INTO mem.notes SELECT * FROM mem.notes WHERE id = 5",
     {"structure notes id", "unexpected notes "}},
    {"a row added", "INSERT INTO mem.notes (id, person) VALUES (-1, 1)", {"unexpected notes "}},
    {"NULL for an empty string", "UPDATE mem.people SET note = NULL WHERE id = 1", {"differing people note"}},
    {"an empty string for NULL", "UPDATE mem.notes SET model = '' WHERE id = 1", {"differing notes model"}},
    {"a trailing space", "UPDATE mem.people SET name = 'Ada ' WHERE id = 1", {"differing people name"}},
    {"another case", "UPDATE mem.people SET name = 'ada' WHERE id = 1", {"differing people name"}},
    {"one microsecond",
     "UPDATE mem.people SET born = born + interval '1 microsecond' WHERE id = 1",
     {"differing people born"}},
    {"the time zone shifted",
     "UPDATE mem.people SET born = born - interval '1 hour'",
     {"differing people born", "differing people born"}},
    {"-0.0 for 0.0", "UPDATE mem.people SET score = '-0'::float8 WHERE id = 1", {"differing people score"}},
    {"the last bit of a double",
     "UPDATE mem.people SET score = 1.5000000000000002 WHERE id = 2",
     {"differing people score"}},
    {"a JSON key missing", "UPDATE mem.people SET data = data - 'c' WHERE id = 1", {"differing people data"}},
    {"another order of an array",
     "UPDATE mem.people SET data = jsonb_set(data, '{a}', '[2, 1]') WHERE id = 1",
     {"differing people data"}},
    {"the 17th digit of a JSON number",
     "UPDATE mem.people SET data = jsonb_set(data, '{b}', '0.12345678901234568') WHERE id = 1",
     {"differing people data"}},
    {"JSON null for NULL", "UPDATE mem.people SET data = 'null' WHERE id = 2", {"differing people data"}},
    {"a digit after the point", "UPDATE mem.people SET amount = 12.50 WHERE id = 1", {"differing people amount"}},
    {"a byte of a blob", "UPDATE mem.people SET raw = '\\x00fe' WHERE id = 1", {"differing people raw"}},
    {"NULL for an empty blob", "UPDATE mem.people SET raw = NULL WHERE id = 2", {"differing people raw"}},
    {"a boolean turned", "UPDATE mem.people SET active = NOT active WHERE id = 1", {"differing people active"}},
    {"another uuid", "UPDATE mem.people SET uid = gen_random_uuid() WHERE id = 1", {"differing people uid"}},
    {"vectors normalised",
     "UPDATE mem.notes SET embedding = l2_normalize(embedding) WHERE id = 9",
     {"differing notes embedding"}},
    {"a vector emptied", "UPDATE mem.notes SET embedding = NULL WHERE id = 9", {"differing notes embedding"}},
    {"a model's name changed", "UPDATE mem.notes SET model = 'model-b' WHERE id = 9", {"differing notes model"}},
    {"a foreign key's value changed",
     "UPDATE mem.notes SET person = 3 - person WHERE id = 9",
     {"differing notes person"}},
};

const std::vector<Corruption> kStructure = {
    {"a dimension padded with zeros",
     "DROP INDEX mem.notes_embedding_hnsw; ALTER TABLE mem.notes ALTER embedding TYPE vector(4) USING "
     "(rtrim(embedding::text, ']') || ',0]')::vector",
     {"structure notes embedding"}},
    {"a column of another type", "ALTER TABLE mem.people ALTER score TYPE real", {"structure people score"}},
    {"a column dropped", "ALTER TABLE mem.people DROP COLUMN raw", {"structure people raw"}},
    {"an index missing", "DROP INDEX mem.notes_embedding_hnsw", {"index notes embedding"}},
    {"an index invalid",
     "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mem.notes_embedding_hnsw'::regclass",
     {"index notes embedding"}},
    {"an index of the wrong operator class",
     "DROP INDEX mem.notes_embedding_hnsw; CREATE INDEX notes_embedding_hnsw ON mem.notes USING hnsw (embedding "
     "vector_l2_ops) WITH (m = 16, ef_construction = 64)",
     {"index notes embedding"}},
    {"an index with other options",
     "DROP INDEX mem.notes_embedding_hnsw; CREATE INDEX notes_embedding_hnsw ON mem.notes USING hnsw (embedding "
     "vector_cosine_ops) WITH (m = 8, ef_construction = 64)",
     {"index notes embedding"}},
    {"an index of another column",
     "DROP INDEX mem.notes_by_person; CREATE INDEX notes_by_person ON mem.notes (body)",
     {"index notes person"}},
    {"a sequence behind", "SELECT setval('mem.people_id_seq', 1)", {"structure people id"}},
    {"a sequence at the last row", "SELECT setval('mem.people_id_seq', 2)", {"structure people id"}},
    {"a foreign key missing", "ALTER TABLE mem.notes DROP CONSTRAINT notes_person_fkey", {"structure notes person"}},
    {"a foreign key not validated",
     "ALTER TABLE mem.notes DROP CONSTRAINT notes_person_fkey; ALTER TABLE mem.notes ADD CONSTRAINT notes_person_fkey "
     "FOREIGN KEY (person) REFERENCES mem.people (id) NOT VALID",
     {"structure notes person"}},
    {"a unique key missing", "ALTER TABLE mem.people DROP CONSTRAINT people_uid_key", {"structure people uid"}},
    {"a default missing", "ALTER TABLE mem.people ALTER name DROP DEFAULT", {"structure people name"}},
    {"NOT NULL missing", "ALTER TABLE mem.people ALTER name DROP NOT NULL", {"structure people name"}},
    {"a view in place of a table",
     "CREATE TABLE mem.kept AS TABLE mem.notes; DROP TABLE mem.notes; CREATE VIEW mem.notes AS TABLE mem.kept",
     {"structure notes "}},
    {"a table missing", "DROP TABLE mem.notes", {"structure notes "}},
    {"rows hidden",
     "ALTER TABLE mem.notes ENABLE ROW LEVEL SECURITY; CREATE POLICY few ON mem.notes USING (id < 10)",
     {"structure notes "}},
};

INSTANTIATE_TEST_SUITE_P(Rows, NotesCorruptionTest, ::testing::ValuesIn(kRows));
INSTANTIATE_TEST_SUITE_P(Structure, NotesCorruptionTest, ::testing::ValuesIn(kStructure));

}  // namespace
}  // namespace vecferry::testing
