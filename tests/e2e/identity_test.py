"""What makes a command the same migration as another one: other flags, other spellings, a source that changed in between."""
import json
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, error_lines, make_store,  # noqa: E402
                     run, scratch_folder)

SERVER = Server()
FOLDER = scratch_folder()
STORE = FOLDER / "store.db"
make_store(STORE, 600)


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)

    def query(self, sql):
        return SERVER.query(self.database, sql)

    def copy(self, *more, code=0, store=STORE):
        done = run(*copy_words(store, self.url, *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def report(self, *more, code=0, store=STORE):
        return json.loads(self.copy("--report", "-", *more, code=code, store=store).stdout)

    def die(self, point, *more, store=STORE):
        done = run(*copy_words(store, self.url, *more), env=environment(VECFERRY_FAULT=point))
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr + done.stdout)

    def state(self):
        return [row[0] for row in self.query("SELECT state FROM vecferry.migration ORDER BY started_at")]


class Flags(Case):
    def test_other_identity_flags_meet_the_claims(self):
        self.die("coordinator.before_finish:1")
        migration = self.query("SELECT id FROM vecferry.migration")[0][0]
        for flags in (["--on-conflict", "update"], ["--skip", "settings"], ["--max-row-bytes", "1MiB"],
                      ["--profile", "generic"], ["--vector-column", "documents.embedding:8"]):
            with self.subTest(flags):
                told = error_lines(self.copy(*flags, code=1))
                self.assertEqual(len(told), 1, told)
                for part in (f"is held by migration {migration} (COPYING)", "resume that one by its own command",
                             f"vecferry migrate cancel {migration} --drop", "another --schema"):
                    self.assertIn(part, told[0])
        self.report("--schema", "elsewhere")
        self.assertEqual(self.report()["migration_id"], migration)
        for schema in ("public", "elsewhere"):
            self.assertEqual(compare_store(STORE, SERVER, self.database, schema), [])

    def test_other_spellings_of_store_and_destination_are_the_same(self):
        self.die("writer.after_commit_before_ack:1")
        link = FOLDER / f"{self.database}.db"
        link.symlink_to(STORE.name)
        words = ["migrate", "copy", "--from", "sqlite", "--to", "postgres", "--profile", "auto", "--schema", "public"]
        done = run(*words, "--sqlite-path", str(link), "--postgres-url", f"host={SERVER.socket} dbname={self.database} "
                   "user=vecferry", env=environment(VECFERRY_FAULT="coordinator.in_finish:2"))
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        done = subprocess.run([PROGRAM, *words, "--sqlite-path", STORE.name, "--max-row-bytes", "67108864"], text=True,
                              cwd=FOLDER, env=environment(VECFERRY_POSTGRES_URL=self.url), capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("resumed 2 times", done.stdout)
        self.assertEqual(self.state(), ["VERIFIED"])
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_tuning_may_change_whenever_it_resumes(self):
        self.die("writer.after_commit_before_ack:2", "--batch-size", "50")
        self.die("reader.before_send:4", "--batch-size", "7", "--readers", "1")
        self.die("coordinator.before_finish:1", "--writers", "1", "--max-rejects", "0")
        self.die("coordinator.after_step:3", "--snapshot", "copy", "--on-source-change", "fail")
        report = self.report("--no-indexes", "--no-verify", "--max-connections", "3")
        self.assertEqual((report["state"], report["resumed"], report["checks"]), ("COPIED", 4, []))
        self.assertFalse(any("hnsw" in index["definition"] for index in report["indexes"]))
        self.assertEqual(len(self.state()), 1)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])
        again = self.report("--no-verify")
        self.assertNotEqual(again["migration_id"], report["migration_id"])
        self.assertEqual((again["totals"]["inserted"], again["totals"]["already_present"]), (0, report["totals"]["read"]))
        self.assertEqual(self.state(), ["COPIED", "COPIED"])

    def test_more_rejects_than_allowed_and_then_allowed(self):
        store = FOLDER / f"{self.database}.db"
        with sqlite3.connect(store) as source:
            source.execute("CREATE TABLE k(name TEXT PRIMARY KEY, v INTEGER)")
            source.executemany("INSERT INTO k VALUES (?, ?)", ((None if i % 10 == 0 else f"n{i}", i) for i in range(100)))
        source.close()
        told = error_lines(self.copy("--max-rejects", "9", code=1, store=store))
        self.assertIn("--max-rejects", told[0])
        self.assertEqual(self.state(), ["FAILED"])
        report = self.report("--max-rejects", "10", code=3, store=store)
        self.assertEqual((report["resumed"], report["totals"]["inserted"], report["totals"]["rejected"]), (1, 90, 10))
        self.assertEqual(self.query("SELECT count(*), sum(v) FROM k"), [["90", str(sum(i for i in range(100) if i % 10))]])
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT source_rowid) FROM vecferry.issues"), [["10", "10"]])
        self.assertEqual(self.state(), ["VERIFIED"])


class ChangedSources(Case):
    def setUp(self):
        super().setUp()
        self.store = FOLDER / f"{self.database}.db"
        shutil.copy(STORE, self.store)

    def change(self, sql):
        with sqlite3.connect(self.store) as source:
            source.executescript(sql)
        source.close()

    def test_it_stops_and_names_the_shards_or_carries_again(self):
        self.die("coordinator.before_finish:1", store=self.store)
        carried = self.query("SELECT count(*), sum(id) FROM documents")
        self.change("UPDATE documents SET title = 'changed' WHERE id = 5; DELETE FROM chunks WHERE id = 9")
        told = error_lines(self.copy("--on-source-change", "fail", code=1, store=self.store))
        for part in ('of "documents"', 'of "chunks"', "--on-source-change fail"):
            self.assertIn(part, told[0])
        self.assertNotIn("settings", told[0])
        self.assertEqual(self.state(), ["FAILED"])
        self.assertEqual(self.query("SELECT count(*), sum(id) FROM documents"), carried)
        self.assertEqual(self.query("SELECT title FROM documents WHERE title = 'changed'"), [])
        report = self.report("--on-source-change", "reconcile", store=self.store)
        self.assertEqual((report["state"], report["resumed"]), ("VERIFIED", 2))
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])

    def test_rows_behind_what_was_carried_are_no_change(self):
        self.die("coordinator.before_finish:1", store=self.store)
        store = sqlite3.connect(self.store)  # moves bytes, not rows
        store.execute("VACUUM")
        store.close()
        self.copy("--on-source-change", "fail", store=self.store)
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])

    def test_a_table_that_was_there_is_never_emptied(self):
        SERVER.psql(self.database, "CREATE TABLE settings(name text PRIMARY KEY, value text)")
        self.die("coordinator.before_finish:1", store=self.store)
        self.change("UPDATE settings SET value = 'changed' WHERE name = 'name 3'")
        told = error_lines(self.copy(code=1, store=self.store))
        self.assertIn('table "settings" existed before', told[0])
        self.assertEqual(self.query("SELECT value FROM settings WHERE name = 'name 3'"), [["9"]])
        self.change("UPDATE settings SET value = '9' WHERE name = 'name 3'")
        self.copy(store=self.store)
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])

    def test_other_columns_always_stop(self):
        self.die("coordinator.before_finish:1", store=self.store)
        self.change("ALTER TABLE chunks ADD COLUMN extra TEXT")
        for flags in ([], ["--on-source-change", "fail"]):
            told = error_lines(self.copy(*flags, code=1, store=self.store))
            self.assertIn("tables or columns of the source changed", told[0])
        self.change("ALTER TABLE chunks DROP COLUMN extra")
        self.copy(store=self.store)
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])


unittest.main()
