"""A text of 200 MB beside small rows: carried whole with --max-row-bytes above it, rejected by the default."""
import hashlib
import pathlib
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, report_of, scratch_folder  # noqa: E402

SERVER = Server()
BYTES = 200 << 20


class LargeText(unittest.TestCase):
    def test_200_megabytes_beside_small_rows(self):
        path = scratch_folder() / "store.db"
        store = sqlite3.connect(path)
        store.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, body TEXT)")
        store.executemany("INSERT INTO t VALUES (?, ?)", ((i, f"small {i}") for i in range(5000)))
        large = "0123456789abcdeü" * (BYTES // 17) + "end"
        store.execute("UPDATE t SET body = ? WHERE id = 2500", (large,))
        store.commit()
        store.close()
        database = SERVER.make_database()
        done, report = report_of(copy_words(path, SERVER.url(database)))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual((report["totals"]["inserted"], report["totals"]["rejected"]), (4999, 1))
        done, report = report_of(copy_words(path, SERVER.url(database), "--max-row-bytes", "512MiB"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((report["totals"]["inserted"], report["totals"]["already_present"]), (1, 4999))
        self.assertEqual(SERVER.query(database, "SELECT md5(body) FROM t WHERE id = 2500"),
                         [[hashlib.md5(large.encode()).hexdigest()]])


unittest.main()
