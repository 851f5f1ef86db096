"""A scratch folder without room: a copy that must be made first is refused in one line with what it needs, and one that
is made only when another program waits to write is told, while the store itself is read on."""
import os
import pathlib
import resource
import sqlite3
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, file_hashes, make_store,  # noqa: E402
                     scratch_folder)
from held_up import HeldUp, unittest  # noqa: E402

SERVER = Server()
# Far less than a store of 2000 rows; enough for what else the command may write.
FILE_MAX = 64 << 10


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_MAX, FILE_MAX))


class Scratch(HeldUp):
    server = SERVER

    def setUp(self):
        self.database = SERVER.make_database()
        self.folder, self.scratch = scratch_folder(), scratch_folder()
        self.store = self.folder / "store.db"

    def start(self, words):
        process = subprocess.Popen([PROGRAM, *words, "--scratch-dir", str(self.scratch)], env=environment(),
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limited)
        self.addCleanup(process.kill)
        return process

    def refused(self, *more):
        process = self.start(copy_words(self.store, SERVER.url(self.database), *more))
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        lines = [line for line in errors.splitlines() if line.startswith("vecferry: ")]
        self.assertEqual(len(lines), 1, errors)
        for part in (str(self.scratch), "bytes", "free", f"a file may have {FILE_MAX} (ulimit -f)", "--scratch-dir"):
            self.assertIn(part, lines[0])
        self.assertIn(f"it needs {self.needed()} bytes", lines[0])
        self.assertEqual(list(self.scratch.iterdir()), [])
        self.assertEqual(SERVER.query(self.database, "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])

    def needed(self):
        return sum(entry.stat().st_size for entry in self.folder.iterdir() if not entry.name.endswith("-shm"))

    def copied(self, *more):
        words = copy_words(self.store, SERVER.url(self.database), *more)
        done = subprocess.run([PROGRAM, *words], env=environment(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])

    def test_a_copy_that_is_made_first(self):
        make_store(self.store, 2000, journal_mode="delete")
        before = file_hashes(self.store)
        self.refused("--snapshot", "copy")
        self.assertEqual(file_hashes(self.store), before)
        self.copied("--snapshot", "copy")

    def test_a_store_that_is_recovered_first(self):
        """A hot journal: only a copy may be rolled back."""
        make_store(self.store, 2000, journal_mode="delete")
        script = ("import os, sqlite3, sys; s = sqlite3.connect(sys.argv[1])\n"
                  "s.execute('PRAGMA cache_size = 1'); s.execute('PRAGMA cache_spill = 1')\n"
                  "s.execute('UPDATE documents SET title = title || 1'); os._exit(0)")
        subprocess.run([sys.executable, "-c", script, str(self.store)], check=True)
        self.assertTrue(os.path.getsize(f"{self.store}-journal") > 0)
        self.refused()

    def test_a_copy_that_another_program_waits_for(self):
        """That program waits until the end; nothing of the snapshot is lost."""
        make_store(self.store, 2000, journal_mode="delete")
        os.utime(self.store, (1, 1))  # not written lately: read in place until somebody writes
        process, holder = self.begin("copy")
        needed, expected = self.needed(), self.rows()
        writer = threading.Thread(target=self.write)
        writer.start()
        notice = process.stderr.readline()
        while "waits to write" not in notice:
            self.assertNotEqual(notice, "", "it ended without a word on the copy")
            notice = process.stderr.readline()
        for part in (str(self.scratch), f"it needs {needed} bytes", "the store itself is read on", "again every"):
            self.assertIn(part, notice)
        self.assertEqual(list(self.scratch.iterdir()), [])
        holder.kill()
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("VERIFIED", output)
        writer.join()
        # What the program wrote came after the snapshot.
        self.assertEqual(SERVER.query(self.database, "SELECT count(*), sum(id), max(title) FROM documents"), expected)

    def rows(self):
        with sqlite3.connect(f"file:{self.store}?mode=ro", uri=True) as store:
            return [[str(value) for value in store.execute(
                "SELECT count(*), sum(id), max(title) FROM documents").fetchone()]]

    def write(self):
        store = sqlite3.connect(self.store, timeout=60)
        store.execute("INSERT INTO documents(id, title) VALUES (1000000, 'zzz later')")
        store.commit()
        store.close()


unittest.main()
