"""Rows of existing tables that come before their parents, and two stores in one schema."""
import pathlib
import signal
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, environment, error_lines, report_of, run, scratch_folder  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()
COUNTERS = ("read", "inserted", "already_present", "updated", "conflicting", "rejected")


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.store = FOLDER / f"{self.database}.db"

    def write(self, script, path=None, **rows):
        """`rows`: by table, tuples of all its columns."""
        store = sqlite3.connect(path or self.store)
        store.executescript(script)
        for table, values in rows.items():
            store.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
        store.commit()
        store.close()

    def query(self, text):
        return SERVER.query(self.database, text)

    def copy(self, *more, code=0, store=None):
        done, report = report_of(copy_words(store or self.store, SERVER.url(self.database), *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        for table in report["tables"]:
            self.assertEqual(table["read"], sum(table[name] for name in COUNTERS[1:]), table)
        return done, report

    def totals(self, report):
        return {name: report["totals"][name] for name in COUNTERS if report["totals"][name]}


class LaterParents(Case):
    # Each group of the writer is 16 MiB: several of them.
    BODY = 5000

    def setUp(self):
        super().setUp()
        SERVER.psql(self.database, "CREATE TABLE folders(id bigint PRIMARY KEY, parent bigint REFERENCES folders, body text)")

    def folders(self, rows):
        self.write("CREATE TABLE folders(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES folders(id), body TEXT)", folders=rows)

    def chain(self, count, last=None):
        """Each refers to the next one."""
        return [(i, i + 1 if i < count else last, "x" * self.BODY) for i in range(1, count + 1)]

    def arrived(self):
        return self.query("SELECT count(*), count(parent), sum(id), sum(length(body)) FROM folders")

    def test_each_row_refers_to_the_next_one(self):
        self.folders(self.chain(5000))
        _, report = self.copy()
        self.assertEqual(self.totals(report), {"read": 5000, "inserted": 5000})
        self.assertEqual(report["issues"], [])
        self.assertEqual(self.arrived(), [["5000", "4999", "12502500", str(5000 * self.BODY)]])
        waited = self.query("SELECT kind, action, count(*) FROM vecferry.issues GROUP BY 1, 2")
        self.assertEqual(waited[0][:2], ["waiting", "replayed"])
        self.assertGreater(int(waited[0][2]), 1000)  # or this test shows nothing
        _, again = self.copy()
        self.assertEqual(self.totals(again), {"read": 5000, "already_present": 5000})
        self.assertEqual(report["totals"]["bytes"], again["totals"]["bytes"])  # what waited counts once

    def test_rows_whose_parent_never_comes_count_when_all_others_are_there(self):
        SERVER.psql(self.database, "ALTER TABLE folders ADD CHECK (body <> 'bad')")
        self.folders([*self.chain(5000), (5500, None, "bad"), *((i, 9999, None) for i in range(6001, 7101)),
                      *((i, i - 1, None) for i in range(7101, 7201))])  # these name one another
        done, report = self.copy(code=1)
        self.assertIn("more rows than --max-rejects 1000 allows would be rejected: 1200 rows", error_lines(done)[0])
        self.assertEqual(self.totals(report), {"read": 6201, "inserted": 5000, "rejected": 1201})
        self.assertEqual(self.arrived(), [["5000", "4999", "12502500", str(5000 * self.BODY)]])
        _, report = self.copy("--max-rejects", "2000", code=3)
        self.assertEqual(report["resumed"], 1)
        self.assertEqual(self.totals(report), {"read": 6201, "inserted": 5000, "rejected": 1201})
        self.assertEqual(self.query("SELECT kind, count(*) FROM vecferry.issues WHERE action = 'rejected' GROUP BY 1 ORDER BY 1"),
                         [["check", "1"], ["foreign_key", "1200"]])
        SERVER.psql(self.database, "INSERT INTO folders VALUES (9999)")
        carried = "SELECT sum(bytes) FROM vecferry.shard"
        before = self.query(carried)
        done = run("rejects", "replay", report["migration_id"], "--postgres-url", SERVER.url(self.database))
        self.assertIn("carried: 1,200 rows", done.stdout)
        self.assertEqual(self.query(carried), before)  # they were sent before

    def test_waiting_rows_that_something_else_refuses_count_at_the_finish(self):
        SERVER.psql(self.database, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not that'; "
                    "END $$; CREATE TRIGGER speaks_after_the_keys AFTER INSERT ON folders FOR EACH ROW WHEN (new.body = 'bad') "
                    "EXECUTE FUNCTION refuse()")
        bad = {10: 5000, 20: 5000, 30: 5000}
        self.folders([(i, bad.get(i), "bad" if i in bad else "x" * self.BODY) for i in range(1, 5001)])
        for limit in ("0", "2"):
            done, report = self.copy("--max-rejects", limit, code=1)
            self.assertIn(f"more than {limit} rejected rows (--max-rejects); the last: folders: not that", error_lines(done)[0])
            self.assertEqual(self.totals(report), {"read": 5000, "inserted": 4997, "rejected": 3})
        _, report = self.copy("--max-rejects", "3", code=3)
        self.assertEqual(self.totals(report), {"read": 5000, "inserted": 4997, "rejected": 3})
        self.assertEqual(self.query("SELECT kind, action, count(*) FROM vecferry.issues GROUP BY 1, 2"),
                         [["trigger", "rejected", "3"]])

    def test_a_table_that_refuses_everything_is_not_tried_to_its_end(self):
        SERVER.psql(self.database, "ALTER TABLE folders ADD CHECK (id < 0)")
        self.folders(self.chain(5000))
        done, _ = self.copy("--max-rejects", "100", code=1)
        self.assertIn("more than 100 rejected rows (--max-rejects)", error_lines(done)[0])
        self.assertEqual(self.arrived()[0][0], "0")

    def test_killed_at_the_finish_each_row_is_carried_once(self):
        self.folders([*self.chain(5000), (6000, 9999, None)])
        for point in ("replay.before_commit:1", "replay.after_commit:1", "replay.before_commit:2"):
            done = run(*copy_words(self.store, SERVER.url(self.database)), env=environment(VECFERRY_FAULT=point))
            self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        _, report = self.copy(code=3)
        self.assertEqual(self.totals(report), {"read": 5001, "inserted": 5000, "rejected": 1})
        self.assertEqual(self.arrived(), [["5000", "4999", "12502500", str(5000 * self.BODY)]])

    def test_a_waiting_row_whose_key_is_there_conflicts(self):
        SERVER.psql(self.database, "INSERT INTO folders VALUES (1, NULL, 'mine'), (2, NULL, NULL)")
        self.folders([(1, 77, "x"), (2, None, None), (3, 78, "x"), (4, 5, "x"), (5, None, "x")])
        _, report = self.copy(code=3)
        self.assertEqual(self.totals(report), {"read": 5, "inserted": 2, "already_present": 1, "conflicting": 1,
                                               "rejected": 1})
        self.assertEqual(self.query("SELECT source_key->>'id', kind, action, raw IS NULL FROM vecferry.issues WHERE action <> "
                                    "'replayed' ORDER BY 1"),
                         [["1", "conflict", "skipped", "t"], ["3", "foreign_key", "rejected", "f"]])
        self.assertEqual(self.query("SELECT body FROM folders WHERE id = 1"), [["mine"]])

    def test_rows_that_a_conflict_keeps_out_do_not_wait(self):
        SERVER.psql(self.database, "INSERT INTO folders SELECT i, NULL, 'mine' FROM generate_series(1, 10) i")
        self.folders([*((i, 77, "x") for i in range(1, 11)), (20, 99, "x")])
        _, report = self.copy("--max-rejects", "1", code=3)
        self.assertEqual(self.totals(report), {"read": 11, "conflicting": 10, "rejected": 1})

    def test_children_of_a_table_that_has_waiting_rows(self):
        SERVER.psql(self.database, "CREATE TABLE notes(id bigint PRIMARY KEY, folder bigint NOT NULL REFERENCES folders)")
        self.folders(self.chain(5000))
        # The source does not declare it, and the larger table would come first.
        self.write("CREATE TABLE notes(id INTEGER PRIMARY KEY, folder INTEGER)",
                   notes=[*((i, i) for i in range(1, 3001)), (4000, 9999)])
        _, report = self.copy(code=3)
        self.assertEqual(self.totals(report), {"read": 8001, "inserted": 8000, "rejected": 1})
        self.assertEqual(self.query("SELECT count(*), sum(folder) FROM notes"), [["3000", "4501500"]])


class Orphans(Case):
    def test_keys_are_compared_as_the_foreign_key_does(self):
        SERVER.psql(self.database, 'CREATE TABLE authors(name text COLLATE "C" PRIMARY KEY); CREATE TABLE books('
                    'id bigint PRIMARY KEY, author text COLLATE "POSIX" REFERENCES authors)')
        self.write("CREATE TABLE authors(name TEXT PRIMARY KEY) WITHOUT ROWID; CREATE TABLE books(id INTEGER PRIMARY KEY, author "
                   "TEXT)", authors=[("Ada",), ("Bo",)], books=[(1, "Ada"), (2, "Cy"), (3, "Bo"), (4, None)])
        _, report = self.copy(code=3)
        self.assertEqual(self.totals(report), {"read": 6, "inserted": 5, "rejected": 1})
        self.assertEqual([(issue["key"], issue["kind"]) for issue in report["issues"]], [({"id": 2}, "foreign_key")])


class TwoVestigeStores(Case):
    SCHEMA = """
        CREATE TABLE knowledge_nodes(id TEXT PRIMARY KEY, content TEXT NOT NULL, node_type TEXT NOT NULL,
          created_at TEXT NOT NULL, updated_at TEXT NOT NULL, tags TEXT, stability REAL);
        CREATE TABLE memory_connections(source_id TEXT NOT NULL, target_id TEXT NOT NULL, link_type TEXT NOT NULL, strength REAL,
          created_at TEXT, PRIMARY KEY (source_id, target_id), FOREIGN KEY (source_id) REFERENCES knowledge_nodes(id),
          FOREIGN KEY (target_id) REFERENCES knowledge_nodes(id));
        CREATE TABLE journal(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);"""

    def store_of(self, name, memories, edges, journal):
        path, at = FOLDER / f"{self.database}-{name}.db", "2026-01-01T00:00:00Z"
        self.write(self.SCHEMA, path, knowledge_nodes=[(key, text, "fact", at, at, "[]", n) for key, text, n in memories],
                   memory_connections=[(one, other, "like", weight, at) for one, other, weight in edges],
                   journal=[(None, body) for body in journal])
        return path

    def test_every_row_of_both_is_there_or_named(self):
        one, two, both, other = (f"00000000-0000-4000-8000-00000000000{i}" for i in range(1, 5))
        first = self.store_of("one", [(one, "one", 1), (both, "common", 2), (other, "as I know it", 3)],
                              [(one, both, 0.5), (both, other, 0.5)], ["same", "mine", "also mine"])
        second = self.store_of("two", [(two, "two", 4), (both, "common", 2), (other, "as you know it", 3)],
                               [(two, both, 0.5), (both, other, 0.9)], ["same", "yours", "also yours", "more"])
        _, report = self.copy(store=first)
        self.assertEqual(report["source"]["profile"], "vestige")
        _, report = self.copy(store=second, code=3)
        tables = {table["source"]: [table[name] for name in COUNTERS] for table in report["tables"]}
        self.assertEqual(tables["knowledge_nodes"], [3, 1, 1, 0, 1, 0])
        self.assertEqual(tables["memory_connections"], [2, 1, 0, 0, 1, 0])
        self.assertEqual(tables["journal"], [4, 1, 1, 0, 2, 0])
        named = self.query("SELECT source_table, source_key->>'id', kind, action, reason FROM vecferry.issues WHERE "
                           f"migration_id = '{report['migration_id']}' ORDER BY 1, 2")
        self.assertEqual([row[:4] for row in named],
                         [["journal", "2", "conflict", "skipped"], ["journal", "3", "conflict", "skipped"],
                          ["knowledge_nodes", other, "conflict", "skipped"],
                          ["memory_connections", None, "conflict", "skipped"]])
        self.assertEqual([row[4].rsplit(": ", 1)[1] for row in named], ['"body"', '"body"', '"content"', '"weight"'])
        self.assertEqual(self.query("SELECT content FROM knowledge_nodes ORDER BY id"),
                         [["one"], ["two"], ["common"], ["as I know it"]])
        self.assertEqual(self.query("SELECT count(*), sum(stability) FROM scheduling"), [["4", "10"]])
        self.assertEqual(self.query("SELECT body FROM journal ORDER BY id"), [["same"], ["mine"], ["also mine"], ["more"]])


unittest.main()
