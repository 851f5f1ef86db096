"""Services that lose one another without a word: connections that stay open and carry nothing, and a writer that is
stopped past its leases. The migration goes on by itself, every row arrives once, and who comes back late commits nothing."""
import pathlib
import re
import signal
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import PROGRAM, Server, compare_store, environment, make_store, scratch_folder  # noqa: E402
from tcp_proxy import Proxy  # noqa: E402

SERVER = Server()
STORE = scratch_folder() / "store.db"
make_store(STORE, 60_000)
STREAMS = "application_name ~ '^vecferry/[^/]+/[0-9]+/[0-9]+$'"


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()

    def start(self, proxies, **options):
        """`proxies`: {kind: one that stands before each service of that kind}."""
        self.services = services.start(SERVER, self.database, readers=0, writers=0, verifiers=0, **options)
        self.addCleanup(self.services.stop)
        if "coordinator" in proxies:
            proxies["coordinator"].server = self.services.of("coordinator")[0].address
        for kind in ("writer", "verifier", "reader"):
            member = self.services.add(kind, 0)
            if "coordinator" in proxies:
                member.words[member.words.index("--coordinator") + 1] = f"127.0.0.1:{proxies['coordinator'].port}"
            if kind in proxies:
                member.words += ["--advertise", f"127.0.0.1:{proxies[kind].port}"]
            member.start()
            if kind in proxies:
                proxies[kind].server = member.address
        words = services.copy_words(STORE, self.services, "--batch-size", "10")
        self.copy = subprocess.Popen([PROGRAM, *words], env=environment(), stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.copy.communicate)
        self.addCleanup(self.copy.kill)

    def await_rows(self):
        while SERVER.query(self.database, "SELECT to_regclass('vecferry.shard')") == [[None]] or SERVER.query(
                self.database, "SELECT coalesce(sum(rows_read), 0) > 0 FROM vecferry.shard") == [["f"]]:
            self.assertIsNone(self.copy.poll())

    def ends_right(self):
        _, told = self.copy.communicate(timeout=300)
        self.assertEqual(self.copy.returncode, 0, told)
        self.assertEqual(SERVER.query(self.database, "SELECT state FROM vecferry.migration"), [["VERIFIED"]])
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def loses(self, kind):
        proxy = Proxy()
        self.start({kind: proxy})
        self.await_rows()
        self.assertGreater(proxy.lose(), 0)
        self.assertIsNone(self.copy.poll(), "it ended before")
        self.ends_right()


class HalfOpen(Case):
    def test_between_reader_and_writer(self):
        self.loses("writer")

    def test_between_workers_and_their_coordinator(self):
        self.loses("coordinator")


class Stopped(Case):
    def sessions(self):
        return {int(row[0]) for row in SERVER.query(
            self.database, f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {STREAMS}")}

    def streams(self, writer):
        with urllib.request.urlopen(f"http://{writer.metrics}/metrics", timeout=10) as answer:
            return float(re.search(r"^vecferry_writer_streams (\S+)$", answer.read().decode(), re.MULTILINE)[1])

    def test_a_writer_that_comes_back_after_its_leases(self):
        self.start({})
        stopped = self.services.of("writer")[0]
        self.await_rows()
        while not self.sessions():
            self.assertIsNone(self.copy.poll())
        stopped.send(signal.SIGSTOP)
        held = self.sessions()
        self.assertNotEqual(held, set(), "nothing was held when it stopped")
        self.assertIsNone(self.copy.poll(), "it ended before")
        self.services.add("writer", 1).start()
        self.ends_right()
        # The takeovers ended its sessions, and what it held in them.
        self.assertEqual(self.sessions() & held, set())
        shards = SERVER.query(self.database, "SELECT * FROM vecferry.shard ORDER BY shard")
        stopped.send(signal.SIGCONT)
        while self.streams(stopped) > 0:
            self.assertTrue(stopped.running())
        self.assertEqual(SERVER.query(self.database, "SELECT * FROM vecferry.shard ORDER BY shard"), shards)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])
        self.assertEqual(stopped.end(signal.SIGTERM), 0, stopped.log.read_text())


unittest.main()
