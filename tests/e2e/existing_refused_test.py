"""Existing tables that no copy can be right about: refused before the first row, with all that hinders it in one line."""
import pathlib
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, error_lines, report_of, run, scratch_folder  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()
NO_KEY = "has no valid unique index on exactly (id) that is neither partial nor deferrable"
COLUMNS = "id bigint, body text, n bigint"

# What is in the place of a table -> the SQL that makes {t}, and what must be said of it.
REFUSED = {
    "a_view": ("CREATE VIEW {t} AS SELECT 1::bigint AS id, ''::text AS body, 1::bigint AS n", ["is there and is no table"]),
    "a_materialized_view": ("CREATE MATERIALIZED VIEW {t} AS SELECT 1::bigint AS id, ''::text AS body, 1::bigint AS n",
                            ["is there and is no table"]),
    "a_foreign_table": ("CREATE FOREIGN DATA WRAPPER none; CREATE SERVER none FOREIGN DATA WRAPPER none; "
                        f"CREATE FOREIGN TABLE {{t}}({COLUMNS}) SERVER none", ["is there and is no table"]),
    "no_key": (f"CREATE TABLE {{t}}({COLUMNS}); CREATE INDEX ON {{t}}(id)", [NO_KEY]),
    "wider_key": (f"CREATE TABLE {{t}}({COLUMNS}, PRIMARY KEY (id, n))", [NO_KEY]),
    "partitioned_by_another": (f"CREATE TABLE {{t}}({COLUMNS}, PRIMARY KEY (id, n)) PARTITION BY RANGE (n)", [NO_KEY]),
    "deferrable_key": (f"CREATE TABLE {{t}}({COLUMNS}, PRIMARY KEY (id) DEFERRABLE)", [NO_KEY]),
    "partial_index": (f"CREATE TABLE {{t}}({COLUMNS}); CREATE UNIQUE INDEX ON {{t}}(id) WHERE n > 0", [NO_KEY]),
    "index_on_an_expression": (f"CREATE TABLE {{t}}({COLUMNS}); CREATE UNIQUE INDEX ON {{t}}((id + 0))", [NO_KEY]),
    "invalid_index": (f"CREATE TABLE {{t}}({COLUMNS}); CREATE UNIQUE INDEX broken ON {{t}}(id); "
                      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass", [NO_KEY]),
    "inherited": (f"CREATE TABLE {{t}}({COLUMNS}, PRIMARY KEY (id)); CREATE TABLE heir() INHERITS ({{t}})",
                  ["has tables that inherit from it"]),
    "rules": (f"CREATE TABLE {{t}}({COLUMNS}, PRIMARY KEY (id)); CREATE RULE r AS ON INSERT TO {{t}} DO ALSO NOTHING",
              ["has rules on INSERT or UPDATE"]),
    "more_to_fill": ("CREATE DOMAIN filled AS text NOT NULL; CREATE TABLE {t}(id bigint PRIMARY KEY, body text, n bigint, "
                     "who text NOT NULL, what filled, why text NOT NULL DEFAULT '', tag bigint GENERATED ALWAYS AS IDENTITY)",
                     [".who is NOT NULL without a default", ".what is NOT NULL without a default"]),
    "fewer_columns": ("CREATE TABLE {t}(id bigint PRIMARY KEY)", [".body is missing (text)", ".n is missing (bigint)"]),
    "another_case": ('CREATE TABLE {t}(id bigint PRIMARY KEY, "Body" text, n bigint)', [".body is missing (text)"]),
    "other_types": ("CREATE TYPE mood AS ENUM ('x'); CREATE DOMAIN short AS text CHECK (length(value) < 9); "
                    "CREATE TABLE {t}(id integer PRIMARY KEY, body mood, n short)",
                    [".id is integer, not bigint", ".body is mood, not text", ".n is short, not bigint"]),
    "computed": ("CREATE TABLE {t}(id bigint PRIMARY KEY, n bigint, body text GENERATED ALWAYS AS ('x') STORED)",
                 [".body is a generated column"]),
    "shorter_vectors": ("CREATE TABLE {t}(id bigint PRIMARY KEY, body text, n bigint, embedding vector(3))",
                        [".embedding is vector(3), not vector(4)"]),
}


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.store = FOLDER / f"{self.database}.db"

    def write(self, script):
        store = sqlite3.connect(self.store)
        store.executescript(script)
        store.close()

    def sql(self, text):
        SERVER.psql(self.database, text)

    def copy(self, *more, code, user="vecferry"):
        done, report = report_of(copy_words(self.store, SERVER.url(self.database, user), *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done, report


class Refused(Case):
    def test_all_that_does_not_fit_is_listed_before_the_first_row(self):
        fitting = "CREATE TABLE fits(id INTEGER PRIMARY KEY, body TEXT, n INTEGER); INSERT INTO fits VALUES (1, 'x', 1);"
        self.write(fitting + "".join(
            f"CREATE TABLE {name}(id INTEGER PRIMARY KEY, body TEXT, n INTEGER"
            f"{', embedding BLOB' if name == 'shorter_vectors' else ''}); "
            f"INSERT INTO {name}(id, body, n) VALUES (1, 'x', 1);" for name in REFUSED) +
            "UPDATE shorter_vectors SET embedding = zeroblob(16)")
        self.sql("CREATE TABLE fits(id bigint PRIMARY KEY, body text, n bigint);" +
                 ";".join(sql.format(t=name) for name, (sql, _) in REFUSED.items()))
        for mode in ("skip", "update", "fail"):
            done, report = self.copy("--on-conflict", mode, "--vector-column", "shorter_vectors.embedding:4", code=1)
            said = error_lines(done)[0]
            for name, (_, parts) in REFUSED.items():
                for part in parts:
                    with self.subTest(name, mode=mode):
                        self.assertIn(f"{name}{part}" if part.startswith(".") else f"{name} {part}", said)
            for named in ("fits", "more_to_fill.why", "more_to_fill.tag"):
                self.assertNotIn(named, said)
            self.assertIsNone(report)
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM fits"), [["0"]])
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'vecferry'"), [["0"]])

    def test_a_trigger_that_swallows_rows_is_an_error(self):
        self.write("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO t VALUES (1, 'a'), (2, 'gone'), (3, 'b')")
        self.sql("CREATE TABLE t(id bigint PRIMARY KEY, body text); CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql "
                 "AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER swallow BEFORE INSERT ON t FOR EACH ROW "
                 "WHEN (new.body = 'gone') EXECUTE FUNCTION swallow()")
        for mode in ("skip", "update", "fail"):
            done, report = self.copy("--on-conflict", mode, code=1)
            self.assertIn("does a trigger or rule on the table swallow rows?", error_lines(done)[0])
            self.assertEqual((report["state"], report["totals"]["inserted"]), ("FAILED", 0))
            self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM t"), [["0"]])
            cancel = run("migrate", "cancel", "--drop", "--yes", "--postgres-url", SERVER.url(self.database))
            self.assertEqual(cancel.returncode, 0, cancel.stderr)

    def test_row_level_security_hides_no_row_in_silence(self):
        role = self.database
        self.sql(f"CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; GRANT CREATE ON DATABASE {role} TO {role};"
                 "CREATE TABLE t(id bigint PRIMARY KEY, body text); INSERT INTO t VALUES (1, 'seen'), (2, 'hidden');"
                 f"GRANT ALL ON t TO {role}; CREATE POLICY p ON t USING (body <> 'hidden');"
                 # Of another table, which this copy does not touch.
                 f"CREATE TABLE other AS TABLE t; GRANT ALL ON other TO {role}; ALTER TABLE other ENABLE ROW LEVEL SECURITY")
        self.addCleanup(lambda: (self.sql(f"DROP OWNED BY {role} CASCADE"), SERVER.psql("postgres", f"DROP ROLE {role}")))
        self.write("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT); INSERT INTO t VALUES (1, 'seen'), (2, 'x'), (3, 'new')")
        before = SERVER.query(self.database, "SELECT id, body FROM t ORDER BY 1")
        for enabled in ("ENABLE ROW LEVEL SECURITY", f"OWNER TO {role}, FORCE ROW LEVEL SECURITY"):
            self.sql(f"ALTER TABLE t {enabled}")
            for mode in ("skip", "update", "fail"):
                done, _ = self.copy("--on-conflict", mode, code=1, user=role)
                self.assertIn("t has row-level security that applies to this role and may hide rows from it (come as a role "
                              "with BYPASSRLS, or as the owner without FORCE ROW LEVEL SECURITY)", error_lines(done)[0])
                self.assertEqual(SERVER.query(self.database, "SELECT id, body FROM t ORDER BY 1"), before)
        self.sql("ALTER TABLE t NO FORCE ROW LEVEL SECURITY")  # the owner's own policies do not apply to him
        _, report = self.copy(code=3, user=role)
        self.assertEqual([report["totals"][name] for name in ("inserted", "already_present", "conflicting")], [1, 1, 1])


unittest.main()
