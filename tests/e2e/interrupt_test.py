"""Signals and closed pipes: the command leaves a resumable state, in time."""
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, heed_signals,  # noqa: E402
                     make_store, run, scratch_folder)

SERVER = Server()
STORE = scratch_folder() / "store.db"
make_store(STORE, 1500)


heed_signals()


class Interrupts(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)

    def copy(self):
        done = run(*copy_words(STORE, self.url))
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)

    def interrupt(self, number, delay):
        process = subprocess.Popen([PROGRAM, *copy_words(STORE, self.url, "--batch-size", "2", "--progress", "none")],
                                   env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stderr.readline()  # the first line: signals are taken from here on
        try:
            process.wait(timeout=delay)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        began = time.monotonic()
        _, errors = process.communicate(timeout=30)
        self.assertLess(time.monotonic() - began, 10)
        return process.returncode, errors

    def test_signals_leave_a_resumable_state(self):
        codes = []
        for number, delay in ((signal.SIGINT, 0), (signal.SIGTERM, 0.2), (signal.SIGHUP, 0.4), (signal.SIGINT, 0.7),
                              (signal.SIGTERM, 1.0)):
            code, errors = self.interrupt(number, delay)
            self.assertIn(code, (0, 130), errors)
            codes.append(code)
        self.assertIn(130, codes)
        self.copy()
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_a_signal_ends_a_check_that_waits(self):
        """The verifier's count of a table waits for a lock: the table becomes a view of itself when the checks begin."""
        run(*copy_words(STORE, self.url), env=environment(VECFERRY_FAULT="coordinator.before_verify:1"))
        SERVER.psql(self.database, """
            CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
              PERFORM pg_advisory_xact_lock_shared(42); RETURN true; END $$;
            CREATE FUNCTION public.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              ALTER TABLE public.settings RENAME TO settings_behind;
              CREATE VIEW public.settings AS SELECT * FROM public.settings_behind WHERE public.gate();
              RETURN NEW; END $$;
            CREATE TRIGGER shut BEFORE UPDATE ON vecferry.migration FOR EACH ROW
              WHEN (NEW.state = 'VERIFYING' AND OLD.state <> 'VERIFYING') EXECUTE FUNCTION public.shut()""")
        holder = subprocess.Popen(["psql", "-XqAt", self.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.communicate)
        holder.stdin.write("SELECT pg_advisory_lock(42);\n")
        holder.stdin.flush()
        holder.stdout.readline()
        process = subprocess.Popen([PROGRAM, *copy_words(STORE, self.url, "--progress", "none", "--verify-level",
                                                        "counts")], env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        while SERVER.query(self.database, "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND "
                           "application_name LIKE 'vecferry/%/verify' AND wait_event = 'advisory'") == []:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual(SERVER.query(self.database, "SELECT state FROM vecferry.migration"), [["PAUSED"]])
        SERVER.psql(self.database, "DROP TRIGGER shut ON vecferry.migration; DROP VIEW public.settings; "
                                   "ALTER TABLE public.settings_behind RENAME TO settings")
        self.copy()
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_what_was_ignored_at_the_start_stays_ignored(self):
        """As nohup and the background jobs of scripts ask for."""
        process = subprocess.Popen([PROGRAM, *copy_words(STORE, self.url, "--batch-size", "2")], env=environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   preexec_fn=lambda: [signal.signal(number, signal.SIG_IGN)
                                                       for number in (signal.SIGHUP, signal.SIGINT)])
        process.stderr.readline()
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_a_closed_pipe_does_not_end_it(self):
        process = subprocess.Popen([PROGRAM, *copy_words(STORE, self.url)], env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])


unittest.main()
