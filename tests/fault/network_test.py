"""Connections that are lost without a farewell, by a proxy between the command and the server: reset, or silent while all
sockets stay open. The command notices within a bound, goes on by itself when the network heals, and carries every row
once. A server that works long without a word is left to work."""
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, compare_store, copy_words, make_store, run, scratch_folder  # noqa: E402
from held_up import HeldUp, unittest  # noqa: E402
from tcp_proxy import Proxy, socket_path  # noqa: E402

SERVER = Server()
STORE = scratch_folder() / "store.db"
make_store(STORE, 2000)
# The bounds that are tested: a server is asked after a second of silence, and has two to take a connection.
SHORT = "&tcp_user_timeout=1000&connect_timeout=2"


class Network(HeldUp):
    server, store = SERVER, STORE

    def setUp(self):
        self.database = SERVER.make_database()
        self.proxy = Proxy(socket_path(SERVER.socket))
        self.url = self.proxy.url(self.database, SHORT)

    def await_line(self, process, part):
        lines = [""]
        while part not in lines[-1]:
            lines.append(process.stderr.readline())
            self.assertNotEqual(lines[-1], "", f"it ended without: {part}; {lines}")

    def ends_right(self, process):
        output, errors = process.communicate(timeout=100)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("VERIFIED", output)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])
        again = run(*copy_words(STORE, SERVER.url(self.database), "--report", "-"))
        self.assertEqual((again.returncode, json.loads(again.stdout)["totals"]["inserted"]), (0, 0), again.stderr)

    def test_reset(self):
        for stage in ("copy", "finish", "verify"):
            with self.subTest(stage=stage):
                self.setUp()
                process, holder = self.begin(stage, self.url)
                self.proxy.reset()
                holder.kill()
                self.await_line(process, "reached again")
                self.ends_right(process)

    def test_silence(self):
        for stage in ("copy", "finish", "verify"):
            with self.subTest(stage=stage):
                self.setUp()
                process, holder = self.begin(stage, self.url)
                self.proxy.be_silent()
                holder.kill()
                self.await_line(process, "to reach the destination again")
                self.proxy.reset()
                self.await_line(process, "reached again")
                self.ends_right(process)

    def test_a_signal_in_the_silence(self):
        process, holder = self.begin("finish", self.url)
        self.proxy.be_silent()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=15)
        self.assertEqual(process.returncode, 130)
        self.proxy.reset()
        holder.kill()
        done = run(*copy_words(STORE, self.url))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_long_work_is_no_silence(self):
        """A statement that waits for a lock through several looks of the command is left alone."""
        process, holder = self.begin("finish", self.url)
        waiting = self.sessions("vecferry/%/finish")
        looks = set()
        while len(looks) < 3:
            looks |= set(self.sessions("vecferry/look"))
            self.assertIsNone(process.poll())
        self.assertEqual(self.sessions("vecferry/%/finish"), waiting)
        holder.kill()
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertNotIn("destination again", errors)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])


class Longer(Network):
    """What takes longer than the command's own patience: half a minute for a holder of its lock, a minute in all."""
    test_reset = test_silence = test_a_signal_in_the_silence = test_long_work_is_no_silence = None

    def test_lost_connections_beside_a_network_that_works(self):
        for stage in ("copy", "finish"):
            with self.subTest(stage=stage):
                self.setUp()
                process, holder = self.begin(stage, self.url)
                self.proxy.lose()
                holder.kill()
                self.ends_right(process)

    def test_a_network_that_stays_silent(self):
        process, holder = self.begin("copy", self.url)
        self.proxy.be_silent()
        holder.kill()
        _, errors = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, errors)
        lines = [line for line in errors.splitlines() if line.startswith("vecferry: ")]
        self.assertEqual(len(lines), 1, errors)
        self.assertIn("run the same command again", lines[0])
        self.proxy.reset()
        done = run(*copy_words(STORE, self.url))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])


unittest.main()
