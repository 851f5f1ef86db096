"""Rejected rows: listing, exporting, and carrying them later, each exactly once whatever happens in between."""
import csv
import json
import pathlib
import signal
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import PROGRAM, Server, copy_words, environment, error_lines, run, scratch_folder  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()
COUNTERS = ("inserted", "already_present", "updated", "conflicting", "rejected")


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.store = FOLDER / f"{self.database}.db"
        self.migration = ""

    def write(self, script):
        store = sqlite3.connect(self.store)
        store.executescript(script)
        store.close()

    def sql(self, text):
        SERVER.psql(self.database, text)

    def query(self, text):
        return SERVER.query(self.database, text)

    def copy(self, *more, code=0):
        done = run(*copy_words(self.store, self.url, "--report", "-", *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        report = json.loads(done.stdout)
        self.migration = report["migration_id"]
        return report

    def rejects(self, command, *more, code=0, env=None):
        done = run("rejects", command, self.migration, "--postgres-url", self.url, *more, env=env)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def verified(self, table, replayed, code=0):
        """A later verification finds nothing wrong, and names how many rows it could not compare."""
        done = run("verify", self.migration, "--postgres-url", self.url, "-o", "json")
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        report = json.loads(done.stdout)
        self.assertEqual({check["name"] for check in report["checks"] if check["verdict"] == "fail"}, set())
        told, = (check for check in report["checks"] if (check["name"], check["table"]) == ("rows_replayed", table))
        self.assertEqual((told["verdict"], told["expected"].split()[0]), ("skipped", str(replayed)))

    def listed(self):
        return json.loads(self.rejects("list", "-o", "json").stdout)

    def counters(self, source):
        done = run("migrate", "status", self.migration, "-o", "json", "--postgres-url", self.url)
        table = next(table for table in json.loads(done.stdout)["tables"] if table["source"] == source)
        self.assertEqual(table["read"], sum(table[name] for name in COUNTERS))
        return {name: table[name] for name in COUNTERS if table[name]}


ORPHANS = """
    CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE notes(id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), body TEXT, meta JSON);
    CREATE TABLE replies(id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes(id));
    INSERT INTO people VALUES (1, 'Ada');
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)
      INSERT INTO notes SELECT i, CASE WHEN i % 4 = 0 THEN 77 WHEN i % 10 = 1 THEN 78 ELSE 1 END, 'note ' || i, '{}'
      FROM n;
    UPDATE notes SET body = CAST('a' || char(0) || 'b' AS TEXT) WHERE id = 8;
    INSERT INTO replies VALUES (1, 1), (2, 8), (3, 3);"""


class MissingParents(Case):
    def setUp(self):
        super().setUp()
        self.write(ORPHANS)
        self.copy(code=3)
        self.assertEqual(self.counters("notes"), {"inserted": 26, "rejected": 14})
        self.assertEqual(self.counters("replies"), {"inserted": 1, "rejected": 2})

    def waiting(self):
        return [row["key"]["id"] for row in self.listed()["rejects"] if row["table"] == "notes"]

    def check_carried(self):
        """The ten notes of person 77 and the reply to one of them are there, once; those of person 78 wait."""
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT id), sum(id) FROM notes WHERE person = 77"),
                         [["10", "10", "220"]])
        self.assertEqual(self.query("SELECT id, note FROM replies ORDER BY 1"), [["2", "8"], ["3", "3"]])
        self.assertEqual(self.query("SELECT body FROM notes WHERE id = 8"), [["ab"]])
        self.assertEqual(self.waiting(), [1, 11, 21, 31])
        self.assertEqual(self.counters("notes"), {"inserted": 36, "rejected": 4})
        self.assertEqual(self.counters("replies"), {"inserted": 2, "rejected": 1})
        self.assertEqual(self.query("SELECT count(*) FROM vecferry.issues WHERE action = 'repaired'"), [["1"]])
        self.assertEqual(self.query("SELECT sum(repaired) FROM vecferry.shard"), [["1"]])

    def test_rows_are_carried_when_their_parent_is_there(self):
        done = self.rejects("replay", code=3)
        self.assertIn("carried: 0 rows; already there: 0 rows; still rejected: 16 rows (foreign_key 16)", done.stdout)
        self.sql("INSERT INTO people VALUES (77, 'Grace')")
        done = self.rejects("replay", "--dry-run", code=3)
        self.assertIn("would be carried: 11 rows; already there: 0 rows; still rejected: 5 rows", done.stdout)
        self.assertEqual(self.counters("notes"), {"inserted": 26, "rejected": 14})
        done = self.rejects("replay", code=3)
        self.assertIn("carried: 11 rows; already there: 0 rows; still rejected: 5 rows (foreign_key 5)", done.stdout)
        self.check_carried()
        self.assertIn("carried: 0 rows", self.rejects("replay", code=3).stdout)
        self.sql("INSERT INTO people VALUES (78, 'Joan')")
        self.assertIn("carried: 5 rows", self.rejects("replay").stdout)
        self.assertEqual(self.counters("notes"), {"inserted": 40})
        self.assertIn("no row is rejected", self.rejects("list").stdout)
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT id) FROM notes"), [["40", "40"]])

    def test_killed_at_any_point_each_row_is_carried_once(self):
        self.sql("INSERT INTO people VALUES (77, 'Grace')")
        for point in ("before_commit:3", "after_commit:5", "before_commit:1", "after_commit:1"):
            self.rejects("replay", code=-signal.SIGKILL, env=environment(VECFERRY_FAULT=f"replay.{point}"))
        self.rejects("replay", code=3)
        self.check_carried()

    def test_two_replays_at_once_carry_each_row_once(self):
        self.sql("INSERT INTO people VALUES (77, 'Grace')")
        words = [PROGRAM, "rejects", "replay", self.migration, "--postgres-url", self.url]
        running = [subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                   for _ in range(3)]
        told = [process.communicate(timeout=60) for process in running]
        self.assertEqual([process.returncode for process in running], [3, 3, 3], told)
        carried = sum(int(out.split("carried: ")[-1].split(" ")[0]) for out, _ in told)
        self.assertEqual(carried, 11)
        self.check_carried()

    def test_a_row_that_is_there_already_is_present_or_stays(self):
        self.sql("INSERT INTO people VALUES (77, 'Grace'); INSERT INTO notes VALUES (4, 77, 'note 4', '{}'), "
                 "(12, 77, 'mine', '{}')")
        done = self.rejects("replay", "--table", "notes", code=3)
        self.assertIn("carried: 8 rows; already there: 1 row; still rejected: 5 rows (conflict 1, foreign_key 4)",
                      done.stdout)
        self.assertIn("body", next(row for row in self.listed()["rejects"] if row["kind"] == "conflict")["reason"])
        self.assertEqual(self.counters("notes"), {"inserted": 34, "already_present": 1, "rejected": 5})
        self.assertEqual(self.query("SELECT body FROM notes WHERE id = 12"), [["mine"]])

    def test_a_value_set_by_hand_mends_the_rows(self):
        one = next(row["issue"] for row in self.listed()["rejects"] if row["key"] == {"id": 4})
        self.rejects("replay", "--issue", str(one), "--set", "notes.person=1")
        self.assertEqual(self.query("SELECT person FROM notes WHERE id = 4"), [["1"]])
        self.rejects("replay", "--table", "notes", "--kind", "foreign_key", "--set", "notes.person=NULL")
        self.assertEqual(self.query("SELECT count(*) FROM notes WHERE person IS NULL"), [["13"]])
        self.assertEqual(self.counters("notes"), {"inserted": 40})
        self.rejects("replay")
        self.verified("notes", 14)
        self.sql("UPDATE notes SET body = 'other' WHERE id = 1; INSERT INTO notes VALUES (99, 1, 'ours')")
        self.assertEqual(run("verify", "--postgres-url", self.url).returncode, 4)

    def test_usage_errors(self):
        for more, part in ((("--set", "notes.nothing=1"), "no column 'nothing'"), (("--issue", "x"), "--issue"),
                           (("--set", "notes"), "TABLE.COLUMN=VALUE"),
                           (("--table", "nowhere"), "allowed: people, notes, replies")):
            self.assertIn(part, error_lines(self.rejects("replay", *more, code=2))[0])
        self.assertEqual(run("rejects", "list", "--postgres-url", self.url).returncode, 2)
        self.assertIn("--out is missing", error_lines(self.rejects("export", code=2))[0])

    def test_list_and_export_tell_every_row(self):
        rows = self.listed()
        self.assertEqual(rows["by_kind"], {"foreign_key": 16})
        self.assertEqual({row["can_be_replayed"] for row in rows["rejects"]}, {True})
        shown = self.rejects("list").stdout
        self.assertIn("16 rows rejected: foreign_key 16", shown)
        self.assertIn('person = 77 names no row of people', shown)
        out = FOLDER / f"{self.database}-export"
        self.rejects("export", "--out", str(out))
        with open(out / "rejects.csv", newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        self.assertEqual([(int(row["issue"]), json.loads(row["source_key"])) for row in table],
                         [(row["issue"], row["key"]) for row in rows["rejects"]])
        for row in table:
            raw = self.query(f"SELECT encode(raw, 'hex') FROM vecferry.row_issue WHERE id = {row['issue']}")[0][0]
            self.assertEqual((out / row["raw_file"]).read_bytes().hex(), raw)
        self.assertIn("is not empty", error_lines(self.rejects("export", "--out", str(out), code=2))[0])


class OtherKinds(Case):
    def test_many_rows_are_cut_for_a_terminal(self):
        self.write("CREATE TABLE items(id INT PRIMARY KEY, name TEXT) ; " +
                   "INSERT INTO items(name) VALUES " + ", ".join(f"('n{i}')" for i in range(70)))
        self.copy(code=3)
        shown = self.rejects("list").stdout.splitlines()
        self.assertLess(len(shown), 60)
        self.assertTrue(any(line.startswith("+20 more") for line in shown), shown)
        self.assertEqual(len(self.listed()["rejects"]), 70)

    def test_null_keys_duplicates_and_large_rows(self):
        self.write("""
            CREATE TABLE items(id TEXT PRIMARY KEY, name TEXT);
            INSERT INTO items VALUES ('a', 'first'), (CAST(x'6100' AS TEXT), 'second'), (NULL, 'no key'),
              ('b', hex(zeroblob(3000)));""")
        self.copy("--max-row-bytes", "4KiB", code=3)
        self.assertEqual(self.listed()["by_kind"], {"duplicate_key": 1, "null_key": 1, "too_large": 1})
        self.assertIn("no: needs a higher --max-row-bytes and a new run", self.rejects("list").stdout)
        done = self.rejects("replay", "--kind", "null_key", "--set",
                            "items.id=c")
        self.assertIn("carried: 1 row;", done.stdout)
        # The one that came first is there, with another name.
        done = self.rejects("replay", "--kind", "duplicate_key", code=3)
        self.assertIn("still rejected: 1 row (conflict 1)", done.stdout)
        self.rejects("replay", "--kind", "conflict", "--set", "items.id=d")
        self.assertIn("still rejected: 1 row (too_large 1)", self.rejects("replay", code=3).stdout)
        self.assertEqual(self.query("SELECT id, name FROM items ORDER BY 1"),
                         [["a", "first"], ["c", "no key"], ["d", "second"]])
        self.assertEqual(self.counters("items"), {"inserted": 3, "rejected": 1})
        self.verified("items", 2, code=3)

    def test_rows_that_an_existing_table_refused(self):
        self.sql("CREATE TABLE items(id bigint PRIMARY KEY, amount bigint CONSTRAINT positive CHECK (amount > 0), "
                 "name text)")
        self.write("CREATE TABLE items(id INTEGER PRIMARY KEY, amount INTEGER, name TEXT);"
                   "INSERT INTO items VALUES (1, 5, 'a'), (2, -5, 'b'), (3, -6, 'c'), (4, 7, NULL)")
        self.copy(code=3)
        self.assertEqual(self.query("SELECT DISTINCT raw_format FROM vecferry.issues"), [["copy-tuple"]])
        one = self.listed()["rejects"][0]["issue"]
        self.assertIn("value set", self.rejects("replay", "--set", "items.amount=many", code=3).stdout)
        self.rejects("replay", "--issue", str(one), "--set", "items.amount=50")
        self.rejects("replay", code=3)
        self.sql("ALTER TABLE items DROP CONSTRAINT positive")
        self.rejects("replay")
        self.assertEqual(self.query("SELECT id, amount, name FROM items ORDER BY 1"),
                         [["1", "5", "a"], ["2", "50", "b"], ["3", "-6", "c"], ["4", "7", None]])
        self.assertEqual(self.counters("items"), {"inserted": 4})
        self.verified("items", 1)

    def test_rows_of_an_existing_table_that_refer_to_later_ones(self):
        self.sql("CREATE TABLE folders(id bigint PRIMARY KEY, parent bigint REFERENCES folders)")
        # A chain from its end to its beginning, one row whose parent never comes, and one below that.
        self.write("CREATE TABLE folders(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders(id));"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
                   " INSERT INTO folders SELECT i, CASE WHEN i < 60 THEN i + 1 END FROM n;"
                   "INSERT INTO folders VALUES (70, 99), (80, 70);")
        report = self.copy(code=3)
        self.assertEqual(report["totals"]["rejected"], 2)
        self.assertEqual(self.query("SELECT count(*), max(id) FROM folders"), [["60", "60"]])
        self.assertEqual([row["key"] for row in self.listed()["rejects"]], [{"id": 70}, {"id": 80}])
        self.sql("INSERT INTO folders VALUES (99, NULL)")
        self.rejects("replay")
        self.assertEqual(self.counters("folders"), {"inserted": 62})

    def test_rows_of_existing_tables_that_refer_to_each_other(self):
        self.sql("CREATE TABLE teams(id bigint PRIMARY KEY, head bigint); "
                 "CREATE TABLE people(id bigint PRIMARY KEY, team bigint REFERENCES teams); "
                 "ALTER TABLE teams ADD FOREIGN KEY (head) REFERENCES people; "
                 "INSERT INTO teams VALUES (1, NULL), (9, NULL)")
        self.write("CREATE TABLE teams(id INTEGER PRIMARY KEY, head INTEGER REFERENCES people(id));"
                   "CREATE TABLE people(id INTEGER PRIMARY KEY, team INTEGER REFERENCES teams(id));"
                   "INSERT INTO teams VALUES (1, 11), (2, 12), (3, NULL);"
                   "INSERT INTO people VALUES (11, 1), (12, 3), (13, 2);")
        report = self.copy("--on-conflict", "update")
        self.assertEqual(self.query("SELECT id, head FROM teams ORDER BY 1"),
                         [["1", "11"], ["2", "12"], ["3", None], ["9", None]])
        self.assertEqual(self.query("SELECT id, team FROM people ORDER BY 1"), [["11", "1"], ["12", "3"], ["13", "2"]])
        self.assertEqual((report["totals"]["updated"], report["totals"]["rejected"]), (1, 0))
        self.assertEqual(report["issues"], [])

    def test_an_unfinished_migration_is_finished_first(self):
        self.write(ORPHANS)
        done = run(*copy_words(self.store, self.url), env=environment(VECFERRY_FAULT="coordinator.before_verify:1"))
        self.assertEqual(done.returncode, -signal.SIGKILL)
        done = run("rejects", "replay", "--postgres-url", self.url)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("run the same `vecferry migrate copy` command again", error_lines(done)[0])


class SecondRows(Case):
    def test_what_a_source_row_fills_elsewhere_comes_with_it(self):
        self.write("""
            CREATE TABLE knowledge_nodes(id TEXT PRIMARY KEY, content TEXT NOT NULL, node_type TEXT NOT NULL,
              created_at TEXT NOT NULL, updated_at TEXT NOT NULL, stability REAL, reps INTEGER, last_accessed TEXT);
            INSERT INTO knowledge_nodes VALUES
              ('6d1b5f0e-98a4-4f6f-9f5a-6a3c2b1d0e9f', 'one', 'fact', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z',
               1.5, 3, '2026-01-02T00:00:00Z'),
              (NULL, 'two', 'fact', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', 2.5, 4, '2026-01-03T00:00:00Z');""")
        self.copy(code=3)
        self.rejects("replay", "--set", "knowledge_nodes.id=7d1b5f0e-98a4-4f6f-9f5a-6a3c2b1d0e9f")
        self.assertEqual(self.query("SELECT content, s.stability, s.reps, last_review::date FROM knowledge_nodes k "
                                    "JOIN scheduling s ON memory_id = k.id ORDER BY 1"),
                         [["one", "1.5", "3", "2026-01-02"], ["two", "2.5", "4", "2026-01-03"]])
        self.assertEqual(self.counters("knowledge_nodes"), {"inserted": 2})
        self.verified("scheduling", 1)

    def test_the_second_row_waits_when_postgres_refused_the_first(self):
        # A table that the migration makes gets a constraint that the profile does not know.
        self.sql("""
            CREATE FUNCTION be_odd() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
              IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.knowledge_nodes') THEN
                ALTER TABLE public.knowledge_nodes ADD CONSTRAINT odd CHECK (content <> 'odd');
              END IF; END $$;
            CREATE EVENT TRIGGER be_odd ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION be_odd();""")
        self.write("""
            CREATE TABLE knowledge_nodes(id TEXT PRIMARY KEY, content TEXT NOT NULL, node_type TEXT NOT NULL,
              created_at TEXT NOT NULL, updated_at TEXT NOT NULL, stability REAL);
            INSERT INTO knowledge_nodes VALUES
              ('6d1b5f0e-98a4-4f6f-9f5a-6a3c2b1d0e9f', 'odd', 'fact', '2026-01-01', '2026-01-01', 1.5);""")
        self.copy(code=3)
        self.assertEqual(self.query("SELECT destination_table, raw_format FROM vecferry.row_issue ORDER BY 1"),
                         [["knowledge_nodes", "copy-tuple"], ["scheduling", "sqlite-record"]])
        self.assertEqual(self.counters("knowledge_nodes"), {"rejected": 1})
        self.rejects("replay", "--set", "knowledge_nodes.content=even")
        self.assertEqual(self.query("SELECT content, s.stability FROM knowledge_nodes JOIN scheduling s ON id=memory_id"),
                         [["even", "1.5"]])
        self.assertEqual(self.counters("knowledge_nodes"), {"inserted": 1})
        self.verified("knowledge_nodes", 1)


unittest.main()
