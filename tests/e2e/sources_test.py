"""Sources that are hard to read or to name, carried whole by the built command."""
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, file_hashes,  # noqa: E402
                     make_store, report_of, scratch_folder)

SERVER = Server()
FOLDER = scratch_folder()


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.folder = FOLDER / self.database
        self.folder.mkdir()

    def copy(self, store, *more, code=0):
        before = file_hashes(store)
        done, report = report_of(copy_words(store, self.url, *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(file_hashes(store), before)
        return report

    def query(self, sql):
        return SERVER.query(self.database, sql)

    def make(self, script, name="store.db"):
        store = sqlite3.connect(self.folder / name)
        store.executescript(script)
        store.commit()
        store.close()
        return self.folder / name

    def open_wal(self, path):
        """A store with rows in its log only; open until the test ends, since the last one to close moves them."""
        make_store(path, 50)
        writer = sqlite3.connect(path)
        self.addCleanup(writer.close)
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("INSERT INTO documents SELECT id + 100, 'in the log', score, embedding FROM documents")
        writer.commit()
        self.assertGreater(os.path.getsize(f"{path}-wal"), 0)


class Files(Case):
    def test_utf_16(self):
        for encoding in ("UTF-16le", "UTF-16be"):
            with self.subTest(encoding):
                self.setUp()
                path = self.make(f"PRAGMA encoding = '{encoding}';"
                                 "CREATE TABLE \"Größe\"(id INTEGER PRIMARY KEY, wörter TEXT);"
                                 "INSERT INTO \"Größe\" VALUES (1, '😀 ü'), (2, 'a' || char(0) || 'b')")
                make_store(path, 60)
                report = self.copy(path)
                self.assertEqual(compare_store(path, SERVER, self.database), [])
                self.assertEqual(self.query('SELECT id::text, "wörter" FROM "Größe" ORDER BY 1'),
                                 [["1", "😀 ü"], ["2", "ab"]])
                self.assertEqual([(issue["table"], issue["key"], issue["column"], issue["kind"])
                                  for issue in report["issues"]], [("Größe", {"id": 2}, "wörter", "nul_in_text")])

    def test_odd_paths(self):
        plain = self.folder / "plain.db"
        make_store(plain, 30)
        for name in ("with space?mode=memory&x#y%20z%.db", "new\nline 'and' \"quotes\"\\.db", "Ünïcödé-😀.db", ":memory:"):
            with self.subTest(name):
                database = SERVER.make_database()
                path = self.folder / name
                shutil.copy(plain, path)
                done, report = report_of(copy_words(path, SERVER.url(database)))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(report["source"]["path"], str(path))
                self.assertEqual(compare_store(plain, SERVER, database), [])

    def test_a_symlink_to_a_wal_store(self):
        real = self.folder / "real"
        real.mkdir()
        self.open_wal(real / "store.db")
        link = self.folder / "link.db"
        link.symlink_to("real/store.db")
        before = file_hashes(real / "store.db")
        report = self.copy(link)
        self.assertEqual(report["source"]["path"], str(real / "store.db"))
        self.assertEqual(compare_store(real / "store.db", SERVER, self.database), [])
        self.assertEqual(file_hashes(real / "store.db"), before)

    def test_a_log_in_a_folder_that_cannot_be_written(self):
        self.open_wal(self.folder / "open.db")
        sealed, scratch = self.folder / "sealed", self.folder / "scratch"
        sealed.mkdir()
        scratch.mkdir()
        for end in ("", "-wal"):
            shutil.copy(self.folder / f"open.db{end}", sealed / f"store.db{end}")
            os.chmod(sealed / f"store.db{end}", 0o444)
        os.chmod(scratch, 0o777)
        os.chmod(sealed, 0o555)
        self.addCleanup(os.chmod, sealed, 0o755)
        words = [PROGRAM, *copy_words(sealed / "store.db", self.url, "--scratch-dir", str(scratch))]
        if os.geteuid() == 0:  # who may write everywhere
            words = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *words]
        before = file_hashes(sealed / "store.db")
        done = subprocess.run(words, capture_output=True, text=True, env=environment(HOME=str(scratch)), timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(self.folder / "open.db", SERVER, self.database), [])
        self.assertEqual(file_hashes(sealed / "store.db"), before)
        self.assertEqual(sorted(os.listdir(sealed)), ["store.db", "store.db-wal"])
        self.assertEqual(os.listdir(scratch), [])

    def test_a_hot_journal_is_rolled_back_in_our_copy(self):
        path = self.folder / "store.db"
        make_store(path, 500, journal_mode="delete")
        before = [row for row in sqlite3.connect(path).execute("SELECT id, title FROM documents ORDER BY id")]
        writer = sqlite3.connect(path, isolation_level=None)
        writer.executescript("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN;"
                             "UPDATE documents SET title = 'half done';"
                             "INSERT INTO documents SELECT id + 10000, 'half done', 0, NULL FROM documents")
        hot = self.folder / "hot.db"
        shutil.copy(path, hot)  # as a crash leaves it: some pages written, their former content in the journal
        shutil.copy(f"{path}-journal", f"{hot}-journal")
        writer.execute("ROLLBACK")
        writer.close()
        self.assertNotEqual(hot.read_bytes(), path.read_bytes())
        journal = pathlib.Path(f"{hot}-journal").read_bytes()
        self.copy(hot)
        self.assertEqual(self.query("SELECT id::text, title FROM documents ORDER BY documents.id"),
                         [[str(key), title] for key, title in before])
        self.assertEqual(pathlib.Path(f"{hot}-journal").read_bytes(), journal)

    def test_a_rollback_journal_store_whose_writer_goes_on(self):
        path = self.folder / "store.db"
        make_store(path, 1000, journal_mode="delete")
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        writer.executescript("CREATE TABLE left_side(id INTEGER PRIMARY KEY);"
                             "CREATE TABLE right_side(id INTEGER PRIMARY KEY)")
        stop = threading.Event()

        def write():
            count = 0
            while not stop.wait(0.005):  # between two commits a reader may get in
                count += 1
                writer.executescript(f"BEGIN IMMEDIATE; INSERT INTO left_side VALUES ({count});"
                                     f"INSERT INTO right_side VALUES ({count}); COMMIT")
        thread = threading.Thread(target=write)
        thread.start()
        try:
            done, report = report_of(copy_words(path, self.url))
        finally:
            stop.set()
            thread.join()
            writer.close()
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {table["source"]: table["inserted"] for table in report["tables"]}
        self.assertEqual(rows["left_side"], rows["right_side"])
        self.assertEqual(compare_store(path, SERVER, self.database), [])


class Rows(Case):
    def test_rows_larger_than_a_message(self):
        path = self.make("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT, raw BLOB)")
        store = sqlite3.connect(path)
        sizes = [10, 5 << 20, 1, 9 << 20, 4 << 20, (1 << 20) - 1, 0]
        store.executemany("INSERT INTO t VALUES (?, ?, ?)", ((i, "ä" * (size // 2), random.Random(i).randbytes(size))
                                                             for i, size in enumerate(sizes)))
        store.commit()
        rows = store.execute("SELECT id, length(body), raw FROM t").fetchall()
        store.close()
        self.copy(path)
        self.assertEqual(self.query("SELECT id::text, length(body)::text, encode(raw, 'hex') FROM t ORDER BY 1"),
                         [[str(key), str(length), raw.hex()] for key, length, raw in rows])

    def test_a_table_without_a_key_after_vacuum(self):
        path = self.make("CREATE TABLE t(a, b);"
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)"
                         "INSERT INTO t SELECT i % 50, 'x' || (i % 3) FROM n; DELETE FROM t WHERE rowid % 7 = 0")
        first = self.copy(path)
        store = sqlite3.connect(path)
        rowids = store.execute("SELECT max(rowid) FROM t").fetchall()
        store.execute("VACUUM")
        self.assertNotEqual(store.execute("SELECT max(rowid) FROM t").fetchall(), rowids)
        rows = store.execute("SELECT a, b, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
        store.close()
        second = self.copy(path)
        self.assertEqual((second["totals"]["inserted"], second["totals"]["already_present"]),
                         (0, first["totals"]["inserted"]))
        self.assertEqual(self.query("SELECT a::text, b, count(*)::text FROM t GROUP BY t.a, b ORDER BY t.a, b"),
                         [[str(value) for value in row] for row in rows])

    def test_two_agents_with_the_same_ids(self):
        schema = "CREATE TABLE notes(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);"
        stores = [self.make(schema + "".join(f"INSERT INTO notes(body) VALUES ('{text}');" for text in bodies), name)
                  for name, bodies in (("one.db", ["same", "one 2", "one 3"]),
                                       ("two.db", ["same", "two 2", "two 3", "two 4"]))]
        self.copy(stores[0])
        report = self.copy(stores[1], code=3)
        table = report["tables"][0]
        self.assertEqual([table[name] for name in ("read", "inserted", "already_present", "conflicting", "rejected")],
                         [4, 1, 1, 2, 0])
        self.assertEqual(self.query("SELECT id::text, body FROM notes ORDER BY 1"),
                         [["1", "same"], ["2", "one 2"], ["3", "one 3"], ["4", "two 4"]])
        self.assertEqual(self.query("SELECT source_key->>'id', kind, action FROM vecferry.issues WHERE migration_id = "
                                    f"'{report['migration_id']}' ORDER BY 1"),
                         [["2", "conflict", "skipped"], ["3", "conflict", "skipped"]])


class Names(Case):
    def names(self, kind):
        return [row[0] for row in self.query(f"SELECT relname FROM pg_class WHERE relkind = '{kind}' AND relnamespace = "
                                             "'public'::regnamespace ORDER BY 1")]

    def columns(self, table):
        return [row[0] for row in self.query("SELECT attname FROM pg_attribute WHERE attnum > 0 AND attrelid = "
                                             f"""'public."{table}"'::regclass ORDER BY attnum""")]

    def test_long_names_that_are_equal_after_cutting(self):
        tables = ["t" * 70 + "1", "t" * 70 + "2", "t" * 63, "ü" * 35]
        columns = ["c" * 70 + "1", "c" * 70 + "2", "c" * 63]
        listed = ", ".join(f'"{name}" TEXT' for name in columns)
        path = self.make("".join(f'CREATE TABLE "{name}"(id INTEGER PRIMARY KEY, {listed}); CREATE INDEX "i{name}" ON '
                                 f'"{name}"("{columns[0]}"); INSERT INTO "{name}" VALUES (1, \'{name}\', \'b\', \'c\');'
                                 for name in tables))
        report = self.copy(path)
        places = {table["source"]: table["destination"] for table in report["tables"]}
        self.assertEqual(sorted(places), sorted(tables))
        self.assertEqual(len(set(places.values())), 4)
        self.assertEqual(places["t" * 63], "t" * 63)
        for source, destination in places.items():
            self.assertLessEqual(len(destination.encode()), 63)
            there = self.columns(destination)
            self.assertEqual(len(set(there)), 4)
            self.assertEqual(there[3], "c" * 63)
            self.assertEqual(self.query(f'SELECT "{there[1]}", "{there[2]}" FROM "{destination}"'), [[source, "b"]])
        self.assertEqual(self.copy(path)["totals"]["inserted"], 0)

    def test_reserved_and_quoted_names(self):
        # SQLite folds the case of ASCII only: Ä and ä are two columns, and É and é two tables.
        columns = ["select", "SELECT ", "from", "user", "ctid", "xmin", 'quo"te', "semi;--", "new\nline", "%s", "$1", "'",
                   " ", "Ä", "ä"]
        listed = ", ".join('"' + name.replace('"', '""') + '" TEXT' for name in columns)
        tables = ["table", "User", "order by", 'a"b', "drop table x;", "vecferry", "pg_class", "É", "é"]
        values = "".join(f", 'v{i}'" for i in range(len(columns)))
        path = self.make("".join(f'CREATE TABLE "{name}"("ID" INTEGER PRIMARY KEY, {listed});'
                                 f'INSERT INTO "{name}" VALUES (1{values});'
                                 for name in (table.replace('"', '""') for table in tables)))
        report = self.copy(path)
        self.assertEqual({table["source"] for table in report["tables"]}, set(tables))
        self.assertEqual(set(tables) - set(self.names("r")), set())
        for name in tables:
            quoted = name.replace('"', '""')
            there = self.columns(quoted)
            self.assertEqual([column for column in there[1:] if column not in columns], [there[5], there[6]])
            self.assertEqual(self.query(f"""SELECT t."quo""te", t."Ä", t."ä" FROM public."{quoted}" t"""),
                             [["v6", "v13", "v14"]])

    def test_a_table_of_1500_columns(self):
        listed = ", ".join(f"c{i} {('INTEGER', 'TEXT', 'REAL', 'BLOB')[i % 4]}" for i in range(1499))
        path = self.make(f"CREATE TABLE wide(id INTEGER PRIMARY KEY, {listed});"
                         "INSERT INTO wide(id, c0, c1, c1497) VALUES (1, 5, 'five', 'last'), (2, 6, 'six', NULL)")
        self.copy(path)
        self.assertEqual(self.query("SELECT id::text, c0::text, c1, c1497 FROM wide ORDER BY 1"),
                         [["1", "5", "five", "last"], ["2", "6", "six", None]])
        self.assertEqual(self.copy(path)["totals"]["already_present"], 2)

    def test_names_that_are_no_utf_8(self):
        path = self.make("""CREATE TABLE tQQ(id INTEGER PRIMARY KEY, cQQ TEXT, dQQ TEXT UNIQUE NOT NULL);
            CREATE TABLE kQQ(cQQ TEXT PRIMARY KEY, other INTEGER); CREATE TABLE pQQ(cQQ TEXT REFERENCES kQQ(cQQ));
            INSERT INTO tQQ VALUES (1, 'good', '1'), (2, CAST(x'61ff' AS TEXT), '2'), (3, 'big', hex(zeroblob(99999)));
            INSERT INTO kQQ VALUES ('k', 'no integer'), (NULL, 1); INSERT INTO pQQ VALUES ('k'), ('nobody')""")
        content = path.read_bytes()
        self.assertIn(b"cQQ", content)
        path.write_bytes(content.replace(b"QQ", b"\xff\xfe"))
        report = self.copy(path, "--max-row-bytes", "100000", code=3)
        tables = {table["source"]: table["destination"] for table in report["tables"]}
        self.assertEqual(sorted(tables), ["k\ufffd\ufffd", "p\ufffd\ufffd", "t\ufffd\ufffd"])
        there = tables["t\ufffd\ufffd"]
        columns = self.columns(there)
        self.assertEqual([name[:3] for name in columns], ["id", "c\ufffd\ufffd", "d\ufffd\ufffd"])
        self.assertEqual(self.query(f'SELECT id::text, "{columns[1]}" FROM "{there}" ORDER BY 1'),
                         [["1", "good"], ["2", "a\ufffd"]])
        self.assertEqual(sorted(self.query("SELECT source_table, column_name, kind, action FROM vecferry.issues")),
                         [["k\ufffd\ufffd", "c\ufffd\ufffd", "null_key", "rejected"],
                          ["k\ufffd\ufffd", "other", "wrong_type", "repaired"],
                          ["p\ufffd\ufffd", "", "foreign_key", "rejected"],
                          ["t\ufffd\ufffd", "", "too_large", "rejected"],
                          ["t\ufffd\ufffd", "c\ufffd\ufffd", "invalid_utf8", "repaired"]])
        again = self.copy(path, "--max-row-bytes", "100000", code=3)
        self.assertEqual((again["totals"]["inserted"], again["totals"]["rejected"]), (0, 3))


unittest.main()
