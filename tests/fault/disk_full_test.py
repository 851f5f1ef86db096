"""A disk that fills at the destination: the command fails, resumable, and says so in one line; once there is room, the same
command goes on, and every row is there once. The disk is a small file system that only the test's server sees."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (Server, compare_store, copy_words, environment, error_lines, make_store, run,  # noqa: E402
                     scratch_folder)

SPACE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--user", "--map-root-user"])
tried = subprocess.run([*SPACE, "mount", "-t", "tmpfs", "tmpfs", str(scratch_folder())], capture_output=True, text=True,
                       check=False)
if tried.returncode != 0:
    print(f"SKIPPED: no file system may be mounted here: {tried.stderr.strip()}")
    sys.exit(77)

DISK_MB = 24
SERVER = Server(disk_mb=DISK_MB)
STORE = scratch_folder() / "store.db"
make_store(STORE, 4000, dimension=256)


class DiskFull(unittest.TestCase):
    def setUp(self):
        """A database whose tables lie on the small disk; the ledger too, for a database has one default place."""
        self.database = SERVER.make_database()
        self.disk = f"{SERVER.socket}/disk"
        self.space = f"{self.database}_space"
        self.shell(f"mkdir {self.disk}/{self.space}")
        SERVER.psql("postgres", f"CREATE TABLESPACE {self.space} LOCATION '{self.disk}/{self.space}'")
        SERVER.psql("postgres", f"ALTER DATABASE {self.database} SET default_tablespace = {self.space}")
        SERVER.psql("postgres", f"ALTER DATABASE {self.database} SET temp_tablespaces = {self.space}")
        self.words = copy_words(STORE, SERVER.url(self.database), "--progress", "none")

    def tearDown(self):
        self.make_room()
        SERVER.psql("postgres", f"DROP DATABASE {self.database} WITH (FORCE)")
        SERVER.psql("postgres", f"DROP TABLESPACE {self.space}")

    def shell(self, line):
        """As the server, who alone sees the disk."""
        SERVER.psql("postgres", f"COPY (SELECT WHERE false) TO PROGRAM '{line}'")

    def leave(self, kilobytes):
        """Fills the disk but for so much."""
        self.shell(f"dd if=/dev/zero of={self.disk}/ballast bs=1k count=$(($(df --output=avail {self.disk} | tail -n 1) - "
                   f"{kilobytes})) status=none")

    def make_room(self):
        self.shell(f"rm -f {self.disk}/ballast")

    def fails(self):
        done = run(*self.words)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(error_lines(done)), 1, done.stderr)
        for part in ("the disk is full at the destination", "53100", "run the same command again"):
            self.assertIn(part, error_lines(done)[0])
        return error_lines(done)[0]

    def goes_on(self):
        self.make_room()
        done = run(*self.words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("resuming migration", done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM vecferry.migration"), [["1"]])

    def test_while_rows_arrive(self):
        run(*self.words, env=environment(VECFERRY_FAULT="coordinator.after_plan_store:1"))
        self.leave(2000)
        self.assertIn("copying", self.fails())
        # Again, while it is still full.
        self.fails()
        self.goes_on()

    def test_while_an_index_is_built(self):
        run(*self.words, env=environment(VECFERRY_FAULT="coordinator.before_finish:1"))
        self.leave(500)
        failed = self.fails()
        self.assertTrue("constraint" in failed or "index" in failed, failed)
        self.goes_on()

    def test_while_the_ledger_is_made(self):
        self.leave(0)
        done = run(*self.words)
        self.assertEqual((done.returncode, len(error_lines(done))), (1, 1), done.stderr)
        self.assertIn("the disk is full at the destination", error_lines(done)[0])
        self.assertEqual(SERVER.query(self.database, "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])
        self.make_room()
        self.assertEqual(run(*self.words).returncode, 0)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])


unittest.main()
