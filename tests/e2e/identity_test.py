"""What makes two commands the same migration, and what they do to each other: at once, after a cancel, with other flags, when the
source changed in between."""
import json
import pathlib
import queue
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, error_lines, make_store,  # noqa: E402
                     run, scratch_folder)

SERVER = Server()
FOLDER = scratch_folder()
STORE = FOLDER / "store.db"
make_store(STORE, 600)
TINY = FOLDER / "tiny.db"
with sqlite3.connect(TINY) as tiny:
    tiny.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    tiny.executemany("INSERT INTO t VALUES (?, ?)", ((i, f"value {i}") for i in range(100)))
tiny.close()
ROUNDS = 10


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.at = ("--postgres-url", self.url)

    def query(self, sql, database=None):
        return SERVER.query(database or self.database, sql)

    def copy(self, *more, code=0, store=STORE):
        done = run(*copy_words(store, self.url, *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def report(self, *more, code=0, store=STORE):
        return json.loads(self.copy("--report", "-", *more, code=code, store=store).stdout)

    def die(self, point, *more, store=STORE):
        done = run(*copy_words(store, self.url, *more), env=environment(VECFERRY_FAULT=point))
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr + done.stdout)

    def start(self, *words):
        process = subprocess.Popen([PROGRAM, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def lock(self, sql, database=None):
        holder = subprocess.Popen(["psql", "-XqAt", SERVER.url(database or self.database)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(holder.communicate)
        self.addCleanup(holder.kill)
        holder.stdin.write(f"BEGIN; {sql}; SELECT 1;\n")
        holder.stdin.flush()
        holder.stdout.readline()
        return holder

    def waits(self, name, database=None):
        """Whether a session of ours called so waits for a lock."""
        return self.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' "
                          f"AND application_name LIKE '{name}'", database) != []

    def await_writer(self, process, database=None):
        while not self.waits("vecferry/%/%/%", database):
            self.assertIsNone(process.poll())

    def state(self):
        return [row[0] for row in self.query("SELECT state FROM vecferry.migration ORDER BY started_at")]


def first_to_end(processes):
    ended = queue.SimpleQueue()

    def wait(process):
        process.wait()
        ended.put(process)
    for process in processes:
        threading.Thread(target=wait, args=[process], daemon=True).start()
    return ended.get()


class AtOnce(Case):
    """Into a table that is there, and that another session locks against writers."""

    def make_table(self, database):
        SERVER.psql(database, "CREATE TABLE t(id bigint PRIMARY KEY, v text)")
        return self.lock("LOCK TABLE t IN SHARE MODE", database)

    def words(self, database):
        return copy_words(TINY, SERVER.url(database), "--max-connections", "3", "--progress", "none")

    def check_rows(self, database):
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT id), min(v), max(v) FROM t", database),
                         [["100", "100", "value 0", "value 99"]])

    def test_one_drives_and_the_other_says_who(self):
        rounds = []
        for _ in range(ROUNDS):
            database = SERVER.make_database()
            rounds.append((database, self.make_table(database)))
        pairs = [(database, holder, [self.start(*self.words(database)) for _ in range(2)]) for database, holder in rounds]
        for database, holder, pair in pairs:
            loser = first_to_end(pair)
            winner = pair[pair[0] == loser]
            _, told = loser.communicate()
            self.assertEqual(loser.returncode, 1, told)
            host, since = self.query("SELECT coordinator_host, to_char(coordinator_since AT TIME ZONE 'UTC', "
                                     "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM vecferry.migration", database)[0]
            self.assertIn(f"is driven by process {winner.pid} on {host} since {since}: wait for it, or look at it by: "
                          "vecferry migrate status ", told)
            holder.kill()
            _, errors = winner.communicate(timeout=60)
            self.assertEqual(winner.returncode, 0, errors)
            self.check_rows(database)
            self.assertEqual(self.query("SELECT count(*), max(coordinator_epoch), max(resumed) FROM vecferry.migration",
                                        database), [["1", "1", "0"]])

    def test_the_second_takes_over_from_one_that_dies_meanwhile(self):
        holder = self.make_table(self.database)
        first = self.start(*self.words(self.database))
        self.await_writer(first)
        second = self.start(*self.words(self.database))
        while len(self.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = "
                             "'vecferry/coordinator'")) < 4:
            self.assertIsNone(second.poll())
        first.kill()
        first.wait()
        while self.query("SELECT coordinator_pid FROM vecferry.migration") != [[str(second.pid)]]:
            self.assertIsNone(second.poll())
        holder.kill()
        output, errors = second.communicate(timeout=60)
        self.assertEqual(second.returncode, 0, errors)
        self.assertIn("resumed 1 time", output)
        self.check_rows(self.database)


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


class Cancelled(Case):
    def running(self):
        """A copy that waits for a lock on one of the tables that it made."""
        self.die("coordinator.after_plan_store:1")
        holder = self.lock("LOCK TABLE documents IN SHARE MODE")
        process = self.start(*copy_words(STORE, self.url, "--progress", "none"))
        self.await_writer(process)
        return process, holder, self.query("SELECT id FROM vecferry.migration")[0][0]

    def expect_cancelled(self, process, state):
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn(state, output)

    def test_from_elsewhere_it_keeps_the_tables_and_resumes(self):
        process, holder, migration = self.running()
        done = run("migrate", "cancel", migration, *self.at)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect_cancelled(process, "CANCELLED")
        self.assertEqual(self.state(), ["CANCELLED"])
        told = error_lines(self.copy("--on-conflict", "update", code=1))
        self.assertIn(f"is held by migration {migration} (CANCELLED)", told[0])
        holder.kill()
        report = self.report()
        self.assertEqual((report["migration_id"], report["state"], report["resumed"]), (migration, "VERIFIED", 1))
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_dropped_from_elsewhere_its_tables_go_and_its_row_stays(self):
        # A table that was there, with a row of its own, is none that the migration made.
        SERVER.psql(self.database, "CREATE TABLE settings(name text PRIMARY KEY, value text); "
                                   "INSERT INTO settings VALUES ('mine', 'stays')")
        process, holder, migration = self.running()
        cancel = self.start("migrate", "cancel", migration, "--drop", "--yes", *self.at)
        self.expect_cancelled(process, "CANCELLED")
        while not self.waits("vecferry/%/drop"):
            self.assertIsNone(cancel.poll())
        holder.kill()
        output, errors = cancel.communicate(timeout=60)
        self.assertEqual(cancel.returncode, 0, errors)
        self.assertIn("DROPPED", output)
        self.assertEqual(self.query("SELECT relname FROM pg_class WHERE relkind IN ('r', 'S') AND relnamespace = "
                                    "'public'::regnamespace"), [["settings"]])
        self.assertEqual(self.query("SELECT value FROM settings WHERE name = 'mine'"), [["stays"]])
        self.assertEqual(self.query("SELECT id, state, (SELECT count(*) FROM vecferry.claim) FROM vecferry.migration"),
                         [[migration, "DROPPED", "0"]])
        self.assertEqual(run("migrate", "cancel", migration, *self.at).returncode, 1)
        SERVER.psql(self.database, "DELETE FROM settings WHERE name = 'mine'")
        report = self.report()
        self.assertNotEqual(report["migration_id"], migration)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])


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
