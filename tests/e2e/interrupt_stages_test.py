"""SIGINT, SIGTERM and SIGHUP in every stage, each held up there: 130 within 10 s, nothing left behind at the server or in
the scratch folder, and the same command goes on. A second signal ends it at once."""
import os
import pathlib
import signal
import socket
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, heed_signals, make_store, report_of, scratch_folder  # noqa: E402
from held import Held, lock, make_source, start  # noqa: E402

SERVER = Server()
SOURCE = make_source()
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_MAX = 10
heed_signals()


class Case(unittest.TestCase):
    def expect_interrupted(self, process):
        _, errors = process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("vecferry: interrupted", errors)
        return errors

    def interrupt(self, process, number):
        process.send_signal(number)
        errors = self.expect_interrupted(process)
        self.assertNotIn("at once:", errors)  # the deadline, past which nothing is waited for


class Destinations(Case):
    """Stages that something at the destination holds up."""

    def check(self, stage, signals=SIGNALS):
        held = Held(self, SERVER, SOURCE, stage)
        for number in signals:
            self.interrupt(held.start(), number)
            while held.sessions():
                pass
        return held

    def go_on(self, held):
        held.release()
        held.go_on()

    def test_planning(self):
        self.go_on(self.check("plan"))

    def test_copying(self):
        # A commit group has 5 s to end before it is cancelled: one signal for all of them.
        held = self.check("copy", SIGNALS[:1])
        process = held.start()
        process.send_signal(signal.SIGTERM)
        while process.stderr.readline() != "vecferry: interrupted, leaving a resumable state (again to end at once)\n":
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGHUP)
        self.assertIn("interrupted twice, ended at once", self.expect_interrupted(process))
        self.go_on(held)

    def test_emptying_tables_of_a_changed_source(self):
        self.go_on(self.check("reconcile"))

    def test_looking_for_orphans(self):
        self.go_on(self.check("orphans"))

    def test_building_an_index(self):
        self.go_on(self.check("index"))

    def test_verifying(self):
        self.go_on(self.check("verify"))

    def test_carrying_rejected_rows(self):
        self.go_on(self.check("replay"))


    def test_a_dry_run(self):
        database = SERVER.make_database()
        SERVER.psql(database, "CREATE TABLE settings(name text PRIMARY KEY, value text)")
        lock(self, SERVER.url(database), "LOCK TABLE settings")
        for number in SIGNALS:
            process = start(self, copy_words(SOURCE, SERVER.url(database), "--dry-run"))
            while not SERVER.query(database, "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                                   "application_name = 'vecferry/plan' AND wait_event_type = 'Lock'"):
                self.assertIsNone(process.poll())
            self.interrupt(process, number)


class Beginnings(Case):
    def test_copying_the_store_first(self):
        folder = scratch_folder()
        path, scratch = folder / "large.db", folder / "scratch"
        scratch.mkdir()
        make_store(path, 100, journal_mode="delete")
        store = sqlite3.connect(path)
        store.execute("CREATE TABLE large(id INTEGER PRIMARY KEY, body BLOB)")
        store.executemany("INSERT INTO large(body) VALUES (zeroblob(?))", [(1 << 22,)] * 64)
        store.commit()
        store.close()
        words = copy_words(path, SERVER.url(SERVER.make_database()), "--skip", "large", "--scratch-dir", str(scratch))
        for number in SIGNALS:
            process = start(self, words)
            while not os.listdir(scratch):
                self.assertIsNone(process.poll())
            self.interrupt(process, number)
            self.assertEqual(os.listdir(scratch), [])
        done, report = report_of(words)
        self.assertEqual((done.returncode, report["totals"]["rejected"]), (0, 0), done.stderr)

    def test_connecting_to_a_server_that_does_not_answer(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            for number in SIGNALS:
                process = start(self, copy_words(SOURCE, f"postgresql://127.0.0.1:{silent.getsockname()[1]}/store"))
                with silent.accept()[0]:
                    self.interrupt(process, number)


unittest.main()
