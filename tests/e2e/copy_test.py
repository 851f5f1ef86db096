"""Whole copies by the command: reports, dry runs, second runs, looking at migrations, cancelling."""
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, error_lines,  # noqa: E402
                     file_hashes, make_store, run, scratch_folder)

SERVER = Server()
FOLDER = scratch_folder()
STORE = FOLDER / "store.db"
ROWS = 1500
make_store(STORE, ROWS)
COUNTERS = ("read", "inserted", "already_present", "updated", "conflicting", "rejected", "repaired", "values_rounded",
            "bytes")


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)

    def copy(self, *more, code=0, store=STORE):
        done = run(*copy_words(store, self.url, *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def report(self, *more, code=0, store=STORE):
        path = FOLDER / f"{self.database}.json"
        self.copy("--report", str(path), *more, code=code, store=store)
        return json.loads(path.read_text())


class Reports(Case):
    def test_a_copy_arrives_and_its_report_adds_up(self):
        before = file_hashes(STORE)
        report = self.report()
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])
        self.assertEqual(file_hashes(STORE), before)
        self.assertEqual(report["format"], "vecferry.report.v1")
        self.assertEqual((report["state"], report["exit_code"], report["resumed"]), ("VERIFIED", 0, 0))
        self.assertEqual(report["source"]["path"], str(STORE.resolve()))
        self.assertEqual(report["source"]["kind"], "sqlite")
        self.assertEqual(report["destination"]["schema"], "public")
        self.assertIsNone(report["trace_id"])
        self.assertRegex(report["started_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertLessEqual(report["started_at"], report["finished_at"])
        self.assertEqual(set(report["seconds"]), {"plan", "copy", "finish", "verify", "total"})
        self.assertEqual({table["source"] for table in report["tables"]}, {"documents", "chunks", "settings", "events"})
        for table in report["tables"]:
            self.assertEqual(table["read"], sum(table[name] for name in ("inserted", "already_present", "updated",
                                                                         "conflicting", "rejected")))
        for name in COUNTERS:
            self.assertEqual(report["totals"][name], sum(table[name] for table in report["tables"]), name)
        self.assertGreater(report["totals"]["rows_per_second"], 0)
        self.assertTrue(report["checks"])
        self.assertEqual({check["verdict"] for check in report["checks"]}, {"pass"})
        self.assertTrue(any("hnsw" in index["definition"].lower() for index in report["indexes"]))

    def test_a_second_run_inserts_nothing(self):
        first = self.report()
        second = self.report("--batch-size", "7")
        self.assertNotEqual(first["migration_id"], second["migration_id"])
        self.assertEqual(second["totals"]["inserted"], 0)
        self.assertEqual(second["totals"]["already_present"], first["totals"]["read"])
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_the_summary_names_the_level_last(self):
        done = self.copy()
        self.assertEqual(done.stdout.splitlines()[-1], "VERIFIED: checked at level full")
        self.assertIn("documents", done.stdout)
        done = self.copy("--no-verify")
        self.assertTrue(done.stdout.splitlines()[-1].startswith("COPIED: not verified"))

    def test_a_report_on_stdout_sends_the_summary_to_stderr(self):
        done = self.copy("--report", "-", "--progress", "none")
        self.assertEqual(json.loads(done.stdout)["state"], "VERIFIED")
        self.assertIn("VERIFIED: checked at level full", done.stderr)

    def test_a_report_that_stdout_does_not_take_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PROGRAM, *copy_words(STORE, self.url, "--report", "-")], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("vecferry: --report: cannot write to stdout: No space left on device", done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_a_report_goes_into_a_pipe_and_leaves_it_there(self):
        pipe, link = FOLDER / f"{self.database}.pipe", FOLDER / f"{self.database}.link"
        os.mkfifo(pipe)
        link.symlink_to(pipe)
        for path in (pipe, link):
            reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            self.copy("--report", str(path))
            self.assertTrue(pipe.is_fifo() and link.is_symlink())
            self.assertEqual(json.loads(os.read(reader, 1 << 16))["state"], "VERIFIED")
            os.close(reader)

    def test_progress_as_json_lines(self):
        done = self.copy("--progress", "json")
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        self.assertTrue(lines)
        self.assertEqual(lines[-1]["state"], "VERIFIED")
        for name in ("rows_expected", "read", "bytes", "rows_per_second", "seconds_left", "tables"):
            self.assertIn(name, lines[-1])

    def test_no_indexes_leaves_keys(self):
        report = self.report("--no-indexes")
        self.assertFalse(any("hnsw" in index["definition"].lower() for index in report["indexes"]))
        keys = SERVER.query(self.database, "SELECT relname FROM pg_index JOIN pg_class ON oid = indrelid "
                                           "WHERE indisprimary AND relnamespace = 'public'::regnamespace")
        self.assertIn(["documents"], keys)

    def test_only_and_skip(self):
        report = self.report("--only", "documents,settings")
        self.assertEqual({table["source"] for table in report["tables"]}, {"documents", "settings"})

    def test_rows_that_conflict_are_exit_3(self):
        self.copy()
        SERVER.psql(self.database, "UPDATE documents SET title = 'changed here' WHERE id = 3")
        report = self.report(code=3)
        self.assertEqual((report["totals"]["conflicting"], report["totals"]["inserted"]), (1, 0))
        self.assertEqual([issue["key"] for issue in report["issues"]], [{"id": 3}])
        report = self.report("--on-conflict", "update")
        self.assertEqual(report["totals"]["updated"], 1)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_a_password_is_told_nowhere(self):
        url = SERVER.url(self.database, password="open-sesame")
        done = run(*copy_words(STORE, url, "--report", "-", "--log-level", "debug"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("***", done.stderr.splitlines()[0])
        dump = SERVER.psql(self.database, "SELECT m::text FROM vecferry.migration m")
        for text in (done.stdout, done.stderr, dump):
            self.assertNotIn("open-sesame", text)

    def test_a_store_that_is_written_meanwhile_shows_one_instant(self):
        store = FOLDER / "busy.db"
        make_store(store, 4000)
        writer = sqlite3.connect(store, isolation_level=None, check_same_thread=False)
        # Rows of both tables are written together: at any instant there are as many of each.
        writer.execute("CREATE TABLE left_side(id INTEGER PRIMARY KEY)")
        writer.execute("CREATE TABLE right_side(id INTEGER PRIMARY KEY)")
        begun, stop, failed = threading.Event(), threading.Event(), []

        def write():
            count = 0
            while not stop.is_set():
                count += 1
                writer.execute("BEGIN IMMEDIATE")
                writer.execute("INSERT INTO left_side VALUES (?)", (count,))
                writer.execute("INSERT INTO right_side VALUES (?)", (count,))
                writer.execute("COMMIT")
                begun.set()

        def write_or_tell():
            try:
                write()
            except sqlite3.Error as error:  # "locked": it was kept from writing for 5 s
                failed.append(error)
                begun.set()
        thread = threading.Thread(target=write_or_tell)
        thread.start()
        try:
            begun.wait()
            report = self.report(store=store)
        finally:
            stop.set()
            thread.join()
        counts = {table["source"]: table["inserted"] for table in report["tables"]}
        self.assertEqual(counts["left_side"], counts["right_side"])
        self.assertGreater(counts["left_side"], 0)
        self.assertEqual(failed, [])


class DryRuns(Case):
    def test_a_dry_run_says_everything_and_writes_nothing(self):
        def state():  # reading a WAL store needs a -shm, and leaves an empty -wal
            return file_hashes(STORE), {name for name in os.listdir(FOLDER) if not name.endswith(("-shm", "-wal"))}
        before = state()
        done = self.copy("--dry-run")
        for part in ("CREATE TABLE", "documents", "hnsw", "estimates", "memory", "scratch", "nothing was written"):
            self.assertIn(part, done.stdout)
        self.assertEqual(SERVER.query(self.database, "SELECT relname FROM pg_class WHERE relnamespace = "
                                                     "'public'::regnamespace AND relkind = 'r'"), [])
        self.assertEqual(SERVER.query(self.database, "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])
        self.assertEqual(state(), before)

    def test_a_dry_run_says_when_the_source_is_copied(self):
        store = FOLDER / "journal.db"
        make_store(store, 100, journal_mode="delete")
        def scratch(*words):
            lines = self.copy("--dry-run", *words, store=store).stdout.splitlines()
            return next(line.split(maxsplit=1)[1] for line in lines if line.startswith("  scratch"))
        self.assertRegex(scratch(), "^[0-9.]+ kB for a copy of the source$")
        os.utime(store, (time.time() - 700,) * 2)
        self.assertRegex(scratch(), "^none: .* [0-9.]+ kB for a copy of the source if something writes to it meanwhile$")
        self.assertEqual(scratch("--snapshot", "direct"), "none: the file itself is read")

    def test_a_dry_run_starts_no_private_server(self):
        home = scratch_folder()
        done = run(*copy_words(STORE, "", "--dry-run"), env=environment(VECFERRY_HOME=str(home)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("private local server", done.stderr.splitlines()[0])
        self.assertEqual(os.listdir(home), [])


class Migrations(Case):
    def test_list_status_and_ledger_drop(self):
        at = ("--postgres-url", self.url)
        self.assertEqual(json.loads(run("migrate", "list", "-o", "json", *at).stdout), [])
        migration = self.report()["migration_id"]
        listed = json.loads(run("migrate", "list", "-o", "json", *at).stdout)
        self.assertEqual([(one["migration_id"], one["state"]) for one in listed], [(migration, "VERIFIED")])
        self.assertIn(migration, run("migrate", "list", *at).stdout)
        shown = run("migrate", "status", migration[:8], "-o", "json", *at)
        self.assertEqual(json.loads(shown.stdout)["totals"]["inserted"], json.loads(shown.stdout)["totals"]["read"])
        self.assertEqual(run("migrate", "status", *at).returncode, 2)
        self.assertEqual(run("migrate", "status", "zzzz", *at).returncode, 1)
        self.assertEqual(run("ledger", "drop", *at, stdin="no\n").returncode, 1)
        self.assertEqual(run("ledger", "drop", *at, stdin="vecferry\n").returncode, 0)
        self.assertEqual(SERVER.query(self.database, "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])
        self.assertEqual(run("ledger", "drop", "--yes", *at).returncode, 0)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def killed(self):
        """An unfinished migration."""
        done = run(*copy_words(STORE, self.url), env=environment(VECFERRY_FAULT="coordinator.before_finish:1"))
        self.assertEqual(done.returncode, -signal.SIGKILL)

    def test_cancel_and_resume_and_drop(self):
        at = ("--postgres-url", self.url)
        self.killed()
        self.assertEqual(run("ledger", "drop", "--yes", *at).returncode, 1)
        other = run(*copy_words(STORE, self.url, "--on-conflict", "update"))
        self.assertEqual(other.returncode, 1, other.stderr)
        self.assertIn("held by migration", error_lines(other)[0])
        done = run("migrate", "cancel", *at)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("CANCELLED", done.stdout)
        report = self.report()
        self.assertEqual((report["state"], report["resumed"]), ("VERIFIED", 1))
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_cancel_drop_removes_what_was_made(self):
        at = ("--postgres-url", self.url)
        SERVER.psql(self.database, "CREATE TABLE bystander(id int)")
        self.killed()
        self.assertEqual(run("migrate", "cancel", "--drop", *at, stdin="\n").returncode, 1)
        done = run("migrate", "cancel", "--drop", "--yes", *at)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("DROPPED", done.stdout)
        self.assertEqual(SERVER.query(self.database, "SELECT relname FROM pg_class WHERE relnamespace = "
                                                     "'public'::regnamespace AND relkind = 'r'"), [["bystander"]])
        self.copy()
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_a_second_process_names_the_first(self):
        store = FOLDER / "slow.db"
        make_store(store, 3000)
        first = subprocess.Popen([PROGRAM, *copy_words(store, self.url, "--batch-size", "1")], env=environment(),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(first.kill)
        while not first.stderr.readline().startswith("starting"):
            pass
        first.send_signal(signal.SIGSTOP)
        try:
            second = run(*copy_words(store, self.url))
        finally:
            first.send_signal(signal.SIGCONT)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertIn(str(first.pid), error_lines(second)[0])
        first.communicate(timeout=60)
        self.assertEqual(first.returncode, 0)
        self.assertEqual(compare_store(store, SERVER, self.database), [])


unittest.main()
