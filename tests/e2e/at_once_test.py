"""Commands that meet: two of the same at once, one after another has died, some for other tables, a cancel from elsewhere."""
import json
import pathlib
import queue
import sqlite3
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (Server, compare_store, copy_words, environment, error_lines, make_store, run,  # noqa: E402
                     scratch_folder)
from held import Held, lock, make_source, start  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()
ROUNDS = 10
TINY = FOLDER / "tiny.db"
with sqlite3.connect(TINY) as tiny:
    tiny.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    tiny.executemany("INSERT INTO t VALUES (?, ?)", ((i, f"value {i}") for i in range(100)))
tiny.close()


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)

    def query(self, sql, database=None):
        return SERVER.query(database or self.database, sql)

    def await_lock(self, name, process):
        """Until a session of ours that is called so waits for a lock."""
        while not self.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = "
                             f"'Lock' AND application_name LIKE '{name}'"):
            self.assertIsNone(process.poll())


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
        return lock(self, SERVER.url(database), "LOCK TABLE t IN SHARE MODE")

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
        pairs = [(database, holder, [start(self, self.words(database)) for _ in range(2)]) for database, holder in rounds]
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
        first = start(self, self.words(self.database))
        self.await_lock("vecferry/%/%/%", first)
        second = start(self, self.words(self.database))
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

    def test_others_into_other_schemas(self):
        """The ledger is made by all of them, too."""
        schemas = [f"s{i}" for i in range(6)]
        for process in [start(self, [*self.words(self.database), "--schema", schema]) for schema in schemas]:
            _, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 0, errors)
        for schema in schemas:
            self.assertEqual(self.query(f"SELECT count(*), count(DISTINCT id) FROM {schema}.t"), [["100", "100"]])


class Cancelled(Case):
    def cancel(self, url, *more):
        return ["migrate", "cancel", *more, "--postgres-url", url]

    def expect_cancelled(self, process):
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertTrue(output.splitlines()[-1].startswith("CANCELLED"), output)

    def test_in_every_stage_it_ends_keeps_the_tables_and_resumes(self):
        source = make_source()
        for stage in ("copy", "reconcile", "orphans", "index"):
            with self.subTest(stage):
                held = Held(self, SERVER, source, stage)
                process = held.start()
                done = run(*self.cancel(held.url))
                self.assertEqual(done.returncode, 0, done.stderr)
                self.expect_cancelled(process)
                migration, state = self.query("SELECT id, state FROM vecferry.migration", held.database)[0]
                self.assertEqual(state, "CANCELLED")
                held.release()
                told = error_lines(run(*held.words, "--on-conflict", "update"))
                self.assertIn(f"is held by migration {migration} (CANCELLED)", told[0])
                held.go_on()
                self.assertEqual(self.query("SELECT id, state FROM vecferry.migration", held.database),
                                 [[migration, "VERIFIED"]])

    def test_dropped_its_tables_go_and_its_row_stays(self):
        store = FOLDER / "store.db"
        make_store(store, 600)
        words = copy_words(store, self.url, "--progress", "none")
        # A table that was there, with a row of its own, is none that the migration made.
        SERVER.psql(self.database, "CREATE TABLE settings(name text PRIMARY KEY, value text); "
                                   "INSERT INTO settings VALUES ('mine', 'stays')")
        run(*words, env=environment(VECFERRY_FAULT="coordinator.before_finish:1"))
        holder = lock(self, self.url, "LOCK TABLE documents IN ACCESS SHARE MODE")
        process = start(self, words)
        self.await_lock("vecferry/%/finish", process)
        cancel = start(self, self.cancel(self.url, "--drop", "--yes"))
        self.await_lock("vecferry/%/drop", cancel)
        self.expect_cancelled(process)
        holder.kill()
        output, errors = cancel.communicate(timeout=60)
        self.assertEqual(cancel.returncode, 0, errors)
        self.assertIn("DROPPED", output)
        self.assertEqual(self.query("SELECT relname FROM pg_class WHERE relkind IN ('r', 'S') AND relnamespace = "
                                    "'public'::regnamespace"), [["settings"]])
        self.assertEqual(self.query("SELECT count(*), min(value) FILTER (WHERE name = 'mine') FROM settings"),
                         [["62", "stays"]])
        self.assertEqual(self.query("SELECT state, (SELECT count(*) FROM vecferry.claim), (SELECT count(*) FROM "
                                    "vecferry.shard) > 0 FROM vecferry.migration"), [["DROPPED", "0", "t"]])
        self.assertEqual(run(*self.cancel(self.url)).returncode, 2)
        SERVER.psql(self.database, "DELETE FROM settings WHERE name = 'mine'")
        done = run(*words, "--report", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        present = {table["source"]: table["already_present"] for table in json.loads(done.stdout)["tables"]}
        self.assertEqual((present["settings"], present["documents"]), (61, 0))
        self.assertEqual(self.query("SELECT state FROM vecferry.migration ORDER BY started_at"), [["DROPPED"], ["VERIFIED"]])
        self.assertEqual(compare_store(store, SERVER, self.database), [])


unittest.main()
