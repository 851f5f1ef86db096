"""Services that are drained while a migration runs through them at full load: each ends within its own --drain-timeout,
what it had taken is committed, nothing is copied twice, and the migration ends by itself."""
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import PROGRAM, Server, compare_store, environment, make_store, scratch_folder  # noqa: E402

SERVER = Server()
ROWS = 2000
# A stream holds a whole shard of small rows, and a drain carries what it holds: many shards are left after it.
NOTES, NOTES_ROWS = [f"notes{i}" for i in range(24)], 5000
TABLES = {"documents": ROWS, "chunks": ROWS, "settings": ROWS // 10 + 1, "events": ROWS // 5 + 1,
          **{table: NOTES_ROWS for table in NOTES}}
DRAIN_SECONDS = 20
# A sequence counts what is rolled back too; the other count keeps a row busy, so that the copy outlasts three drains.
COUNT = """
    CREATE SEQUENCE public.copied;
    CREATE FUNCTION public.count_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM nextval('public.copied'); PERFORM count(*) FROM generate_series(1, 1000); RETURN NEW; END $$;""" + "".join(
          f"CREATE TRIGGER count_row BEFORE INSERT ON public.{table} FOR EACH ROW EXECUTE FUNCTION public.count_row();"
          for table in TABLES)


class Drain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.store = scratch_folder() / "store.db"
        make_store(cls.store, ROWS)
        with sqlite3.connect(cls.store) as store:
            for table in NOTES:
                store.execute(f"CREATE TABLE {table}(id INTEGER PRIMARY KEY, body TEXT)")
                store.executemany(f"INSERT INTO {table} VALUES (?, ?)", ((i, f"{table} {i}") for i in range(NOTES_ROWS)))
        store.close()

    def setUp(self):
        self.database = SERVER.make_database()
        words = {kind: ["--drain-timeout", str(DRAIN_SECONDS)] for kind in ("coordinator", "reader", "writer")}
        self.services = services.start(SERVER, self.database, readers=0, writers=2, words=words)
        self.addCleanup(self.services.stop)
        words = services.copy_words(self.store, self.services, "--batch-size", "10", "--max-connections", "6")
        self.copy = subprocess.Popen([PROGRAM, *words], env=environment(), text=True, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE)
        self.addCleanup(self.copy.communicate)
        self.addCleanup(self.copy.kill)
        for line in self.copy.stderr:
            if "starting migration" in line:
                break
        while len(self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")) < len(TABLES):
            self.assertIsNone(self.copy.poll())
        SERVER.psql(self.database, COUNT)
        for i in range(2):
            self.services.add("reader", i).start()

    def query(self, sql):
        return SERVER.query(self.database, sql)

    def read(self):
        return int(self.query("SELECT coalesce(sum(rows_read), 0) FROM vecferry.shard")[0][0])

    def await_load(self, kind):
        """Until rows move; one that has a part in it."""
        before = self.read()
        while True:
            busy = [member for member in self.services.of(kind) if self.busy(member)]
            if busy and self.read() > before:
                return busy[0]
            self.assertIsNone(self.copy.poll(), "the migration ended before anything was drained")

    def busy(self, member):
        return self.metric(member, {"writer": "vecferry_writer_streams", "reader": "vecferry_reader_leases",
                                    "coordinator": "vecferry_coordinator_leases"}[member.kind])

    @staticmethod
    def metric(member, name):
        with urllib.request.urlopen(f"http://{member.metrics}/metrics", timeout=10) as answer:
            found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", answer.read().decode(), re.MULTILINE)
        return sum(float(value) for value in found)

    def drain(self, kind):
        member = self.await_load(kind)
        begin = time.monotonic()
        code = member.end(signal.SIGTERM, timeout=DRAIN_SECONDS + 30)
        self.assertEqual(code, 0, member.log.read_text())
        self.assertLess(time.monotonic() - begin, DRAIN_SECONDS, member.log.read_text())
        self.assertIn("drained", member.log.read_text())
        self.assertIsNone(self.copy.poll(), "the migration ended before it was drained")
        return member

    def lost(self):
        return self.metric(self.services.of("coordinator")[0], "vecferry_coordinator_leases_lost_total")

    def test_one_after_the_other(self):
        for kind in ("writer", "reader"):
            self.drain(kind).start()
        # Leases were given back: none had to be taken.
        self.assertEqual(self.lost(), 0)
        self.drain("coordinator").start()
        _, told = self.copy.communicate(timeout=300)
        self.assertEqual(self.copy.returncode, 0, told)
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])
        for table in NOTES:
            arrived = [(int(number), body) for number, body in self.query(f"SELECT id, body FROM {table} ORDER BY id")]
            self.assertEqual(arrived, [(i, f"{table} {i}") for i in range(NOTES_ROWS)])
        self.assertEqual(self.lost(), 0)
        self.assertEqual(self.query("SELECT state, resumed FROM vecferry.migration"), [["VERIFIED", "1"]])
        copied = self.query("SELECT last_value FROM public.copied")
        self.assertEqual(copied, [[str(sum(TABLES.values()))]])


unittest.main()
