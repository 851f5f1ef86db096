"""`vecferry verify`: of a migration at any later time, and between any file and any schema; both sides are only read."""
import hashlib
import json
import pathlib
import random
import sqlite3
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, file_hashes, make_store, run, scratch_folder  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()


class VerifyTest(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.store = FOLDER / f"{self.database}.db"
        make_store(self.store, 300)

    def copy(self, *more):
        path = FOLDER / f"{self.database}.json"
        done = run(*copy_words(self.store, self.url, "--report", str(path), *more))
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return json.loads(path.read_text())

    def verify(self, *words, code=0):
        """Its report. What both sides hold stays as it is."""
        before = file_hashes(self.store), self.rows()
        done = run("verify", *words, "--postgres-url", self.url, "-o", "json")
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual((file_hashes(self.store), self.rows()), before)
        return json.loads(done.stdout), done.stderr

    def rows(self):
        """Row versions: any write would show."""
        return [SERVER.query(self.database, f"SELECT count(*), sum(hashtext(ctid::text || xmin::text)) FROM {table}")
                for table in ("documents", "chunks", "settings", "events")]

    def test_says_again_that_all_is_there(self):
        copied = self.copy()
        self.assertEqual(copied["verify_level"], "full")
        report, errors = self.verify()
        self.assertEqual((report["state"], report["migration_id"]), ("VERIFIED", copied["migration_id"]))
        self.assertEqual({check["verdict"] for check in report["checks"]}, {"pass"}, report["checks"])
        self.assertRegex(errors, "as it was when it was copied|perhaps only a checkpoint")
        self.assertTrue({"rows_equal", "table_structure", "index_used", "recall_exact@10"} <=
                        {check["name"] for check in report["checks"]})
        self.assertEqual([(one["table"], one["k"], one["exact"]) for one in report["recall"]],
                         [("documents", 10, 1.0), ("documents", 100, 1.0)])
        self.assertIn("documents", {size["table"] for size in report["sizes"]})

    def test_names_a_changed_value_and_keeps_the_verdict_in_the_ledger(self):
        copied = self.copy()
        SERVER.psql(self.database, "UPDATE documents SET title = title || ' ' WHERE id = 7")
        for level in ("full", "sample"):
            report, _ = self.verify(copied["migration_id"][:8], "--verify-level", level, code=4)
            self.assertEqual([(one["kind"], one["table"], one["key"], one["columns"]) for one in report["differences"]],
                             [("differing", "documents", {"id": 7}, "title")])
            self.assertEqual(SERVER.query(self.database, "SELECT state, verify_level FROM vecferry.migration"),
                             [["DIFFERENT", level]])
        counted, _ = self.verify("--verify-level", "counts")
        self.assertEqual(counted["differences"], [])
        # Numbers of rows take nothing back.
        self.assertEqual(SERVER.query(self.database, "SELECT state, verify_level FROM vecferry.migration"),
                         [["DIFFERENT", "sample"]])
        SERVER.psql(self.database, "UPDATE documents SET title = rtrim(title) WHERE id = 7")
        self.assertEqual(self.verify()[0]["state"], "VERIFIED")
        self.assertEqual(SERVER.query(self.database, "SELECT state FROM vecferry.migration"), [["VERIFIED"]])

    def test_tells_that_the_source_was_written_to_since(self):
        self.copy()
        with sqlite3.connect(self.store) as store:
            store.execute("UPDATE chunks SET body = 'new' WHERE id = 1")
        store.close()
        report, errors = self.verify(code=4)
        self.assertIn("has changed since it was copied", errors)
        self.assertEqual([(one["kind"], one["table"]) for one in report["differences"]], [("differing", "chunks")])

    def test_follows_a_source_that_moved(self):
        self.copy()
        moved = self.store.with_suffix(".moved")
        for suffix in ("", "-wal", "-shm"):
            if pathlib.Path(f"{self.store}{suffix}").exists():
                pathlib.Path(f"{self.store}{suffix}").rename(f"{moved}{suffix}")
        done = run("verify", "--postgres-url", self.url)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(str(self.store), done.stderr)
        self.store = moved
        self.assertEqual(self.verify("--sqlite-path", str(moved))[0]["state"], "VERIFIED")

    def test_knows_what_no_indexes_left_out(self):
        self.copy("--no-indexes")
        self.assertEqual(self.verify()[0]["state"], "VERIFIED")

    def test_compares_a_file_with_a_schema_that_nobody_carried(self):
        self.copy()
        SERVER.psql(self.database, "DROP SCHEMA vecferry CASCADE")
        words = ("--from", "sqlite", "--sqlite-path", str(self.store))
        self.assertEqual(self.verify(*words)[0]["state"], "VERIFIED")
        SERVER.psql(self.database, "DELETE FROM settings WHERE name = 'name 3'")
        report, _ = self.verify(*words, code=4)
        self.assertEqual([(one["kind"], one["table"], one["key"]) for one in report["differences"]],
                         [("missing", "settings", {"name": "name 3"})])
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'vecferry'"),
                         [["0"]])

    def test_the_ledger_holds_the_digest_of_the_page(self):
        page = FOLDER / f"{self.database}.html"
        self.copy("--report-html", str(page))
        kept = "SELECT report_sha256 FROM vecferry.migration"
        self.assertEqual(SERVER.query(self.database, kept), [[hashlib.sha256(page.read_bytes()).hexdigest()]])
        self.verify("--report-html", str(page))
        self.assertEqual(SERVER.query(self.database, kept), [[hashlib.sha256(page.read_bytes()).hexdigest()]])
        subprocess.run(["sha256sum", "--quiet", "-c", f"{page.name}.sha256"], cwd=FOLDER, check=True)

    def test_measures_recall_by_slice_and_by_model(self):
        picker = random.Random(5)
        self.store.unlink()
        with sqlite3.connect(self.store) as store:
            store.execute("CREATE TABLE documents(id INTEGER PRIMARY KEY, kind TEXT, embedding BLOB)")
            store.execute("CREATE TABLE vectors(id INTEGER PRIMARY KEY, model TEXT, embedding BLOB)")
            draw = lambda count: struct.pack(f"<{count}f", *(picker.gauss(0, 1) for _ in range(count)))  # noqa: E731
            store.executemany("INSERT INTO documents VALUES (?, ?, ?)",
                              ((i, "note" if i % 3 else None if i % 2 else "it's", draw(8)) for i in range(120)))
            store.executemany("INSERT INTO vectors VALUES (?, ?, ?)",
                              ((i, "small" if i % 4 else "large", draw(8 if i % 4 else 16)) for i in range(80)))
        store.close()
        words = copy_words(self.store, self.url, "--vector-column", "documents.embedding:8",
                           "--vector-column", "vectors.embedding:16", "--no-verify")
        done = run(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(run("verify", "--postgres-url", self.url, "-o", "json", "--slice", "documents.kind").stdout)
        self.assertEqual([(one["table"], one["model"], one["slice"], one["exact"]) for one in report["recall"]
                          if one["k"] == 10],
                         [("documents", None, None, 1.0), ("documents", None, "kind = note", 1.0),
                          ("documents", None, "kind is NULL", 1.0), ("documents", None, "kind = it's", 1.0),
                          ("vectors", "small", "model = small, 8 dimensions", 1.0),
                          ("vectors", "large", "model = large, 16 dimensions", 1.0)])
        done = run("verify", "--postgres-url", self.url, "--slice", "documents.colour")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("documents.colour", done.stderr)

    def test_orders_of_other_collations_raise_no_alarm(self):
        self.store.unlink()
        with sqlite3.connect(self.store) as store:
            store.execute("CREATE TABLE words(word TEXT PRIMARY KEY, n INTEGER)")
            store.executemany("INSERT INTO words VALUES (?, ?)", ((word, n) for n, word in enumerate(
                [*"aBäZbAzÄ", "a b", "ab", "a-b", "", "é", "e\u0301", *(f"w{i}" for i in range(3000))])))
        store.close()
        for locale in ("LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'", "LOCALE 'C.UTF-8'"):
            name = f"{self.database}_{len(locale)}"
            SERVER.psql("postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}")
            try:
                done = run(*copy_words(self.store, SERVER.url(name)))
                self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                self.assertIn("VERIFIED: checked at level full", done.stdout)
                for level in ("full", "sample"):
                    done = run("verify", "--postgres-url", SERVER.url(name), "--verify-level", level)
                    self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
                SERVER.psql(name, "UPDATE words SET n = -1 WHERE word = 'ä'")
                done = run("verify", "--postgres-url", SERVER.url(name))
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn('differing words {"word":"ä"} n', done.stdout)
            finally:
                SERVER.psql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def test_a_role_that_may_only_read(self):
        migration = self.copy()["migration_id"]
        role = f"auditor_{self.database}"
        SERVER.psql(self.database, f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET default_transaction_read_only = on; "
                                   f"REVOKE TEMPORARY ON DATABASE {self.database} FROM PUBLIC")
        self.addCleanup(SERVER.psql, self.database, f"DROP OWNED BY {role}; DROP ROLE {role}")
        by_id, by_file = (migration,), ("--from", "sqlite", "--sqlite-path", str(self.store))

        def verify(words):
            done = run("verify", *words, "--postgres-url", SERVER.url(self.database, user=role), "-o", "json")
            return done, json.loads(done.stdout) if done.returncode == 0 else None
        for words in (by_id, by_file):
            done, _ = verify(words)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("a role that verifies needs USAGE", done.stderr)
        SERVER.psql(self.database, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}; "
                                   f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        done, report = verify(by_file)  # the ledger is none of its business
        self.assertEqual((done.returncode, report and report["state"]), (0, "VERIFIED"), done.stderr)
        skipped = {check["name"] for check in report["checks"] if check["verdict"] == "skipped"}
        self.assertEqual(skipped, {"structure"})
        SERVER.psql(self.database, f"GRANT USAGE ON SCHEMA vecferry TO {role}; "
                                   f"GRANT SELECT ON ALL TABLES IN SCHEMA vecferry TO {role}")
        done, report = verify(by_id)
        self.assertEqual((done.returncode, report and report["state"]), (0, "VERIFIED"), done.stderr)
        self.assertIn("the ledger did not take this verification", done.stderr)
        SERVER.psql(self.database, "UPDATE chunks SET body = 'other' WHERE id = 7")
        self.assertEqual(verify(by_file)[0].returncode, 4)

    def test_says_what_it_cannot_verify(self):
        for words, code, text in ((("--schema", "x"), 2, "--from"), (("--from", "sqlite"), 2, "--sqlite-path"),
                                  (("abc", "--from", "sqlite", "--sqlite-path", "x"), 2, "ID"),
                                  (("--verify-level", "most"), 2, "counts, sample, full"),
                                  (("--min-recall", "2"), 2, "0 to 1"), (("--queries", "/none"), 2, "--queries"),
                                  ((), 2, "no migration")):
            done = run("verify", *words, "--postgres-url", self.url)
            self.assertEqual(done.returncode, code, (words, done.stderr))
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
