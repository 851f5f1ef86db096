"""The private local Postgres: made, started, stopped and removed by the command; unreachable for other accounts."""
import os
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, compare_store, copy_words, environment, make_store, run,  # noqa: E402
                     scratch_folder)


class PrivatePostgres(unittest.TestCase):
    def setUp(self):
        self.home = scratch_folder()
        self.env = environment(VECFERRY_HOME=str(self.home))
        self.addCleanup(lambda: run("postgres", "stop", env=self.env))

    def do(self, *words, code=0, stdin=""):
        done = run(*words, env=self.env, stdin=stdin)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done.stdout

    def ask(self, sql):
        return self.do("postgres", "psql", "-XAt", "-c", sql).strip()

    def server_pid(self):
        return int((self.home / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])

    def test_its_life(self):
        self.assertIn("not made yet", self.do("postgres", "status"))
        self.assertEqual(os.listdir(self.home), [])
        self.assertIn("[]", self.do("migrate", "list", "-o", "json"))
        self.assertEqual(os.listdir(self.home), [])
        self.do("postgres", "start")
        self.do("postgres", "start")
        self.assertIn("running", self.do("postgres", "status"))
        self.assertEqual(self.ask("SHOW listen_addresses"), "")
        self.assertEqual(self.ask("SHOW fsync"), "on")
        self.assertEqual(self.ask("SHOW server_encoding"), "UTF8")
        self.assertEqual(self.ask("SELECT current_database() || ' ' || extname FROM pg_extension WHERE extname = 'vector'"),
                         "vecferry vector")
        url = self.do("postgres", "url").strip()
        self.assertEqual(subprocess.run(["psql", url, "-XAtc", "SELECT 7"], capture_output=True, text=True, check=True)
                         .stdout, "7\n")
        for folder in (self.home / "postgres", self.home / "postgres" / "run", self.home / "postgres" / "data"):
            self.assertEqual(folder.stat().st_mode & 0o777, 0o700)
        self.do("postgres", "stop")
        self.assertIn("stopped", self.do("postgres", "status"))

    def test_a_copy_starts_it_and_remove_asks(self):
        store = self.home / "store.db"
        make_store(store, 300)
        done = run(*copy_words(store, ""), env={**self.env, "VECFERRY_FAULT": "coordinator.before_finish:1"})
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.do("postgres", "remove", "--yes", code=1)  # unfinished
        self.do("postgres", "stop")
        self.do(*copy_words(store, ""))  # starts it, resumes

        class ByCommand:
            @staticmethod
            def query(_, sql):
                text = self.do("postgres", "psql", "-XAt", "-F", "\x1f", "-R", "\x1e", "-c", sql).rstrip("\n")
                return [line.split("\x1f") for line in text.split("\x1e")] if text else []
        self.assertEqual(compare_store(store, ByCommand, ""), [])
        self.do("postgres", "remove", code=1, stdin="no\n")
        self.do("postgres", "remove", stdin="vecferry\n")
        self.assertFalse((self.home / "postgres").exists())

    def test_two_starts_at_once(self):
        both = [subprocess.Popen([PROGRAM, "postgres", "start"], env=self.env, stdout=subprocess.DEVNULL) for _ in "12"]
        self.assertEqual([one.wait(timeout=60) for one in both], [0, 0])

    def test_it_survives_a_kill_and_a_reboot(self):
        self.do("postgres", "start")
        self.ask("CREATE TABLE kept AS SELECT 1")
        os.kill(self.server_pid(), signal.SIGKILL)
        self.do("postgres", "start")
        self.do("postgres", "stop")
        # After a reboot the pid file names another program, and the socket's folder may be gone.
        (self.home / "postgres" / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
        (self.home / "postgres" / "run").rmdir()
        self.do("postgres", "start")
        self.assertEqual(self.ask("SELECT count(*) FROM kept"), "1")

    def test_a_place_that_cannot_be_made_is_told_with_the_way_out(self):
        file = self.home / "file"
        file.write_text("")
        for env in (environment(VECFERRY_HOME=str(file / "below")), environment(VECFERRY_HOME=str(file))):
            done = run("postgres", "start", env=env)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("VECFERRY_HOME", done.stderr)

    def test_an_id_of_another_destination_is_told_how_to_name_it(self):
        self.env = environment(VECFERRY_HOME=str(self.home))
        for command in (("migrate", "status"), ("rejects", "list")):
            done = run(*command, "0000", env=self.env)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("--postgres-url", done.stderr)

    def test_a_deep_folder_has_a_socket_too(self):
        deep = self.home / ("d" * 60) / ("e" * 60)
        self.env = environment(VECFERRY_HOME=str(deep))
        self.do("postgres", "start")
        self.assertEqual(self.ask("SELECT 1"), "1")
        self.do("postgres", "remove", "--yes")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become another account")
    def test_other_accounts_cannot_connect(self):
        self.do("postgres", "start")
        url = self.do("postgres", "url").strip()
        done = subprocess.run(["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "psql", url, "-c", "SELECT 1"],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("Permission denied", done.stderr)


unittest.main()
