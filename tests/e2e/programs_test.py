"""Service programs as a cluster meets them: addresses, endpoints, environment, wrong usage, drain."""
import contextlib
import pathlib
import re
import socket
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import PROGRAM, environment  # noqa: E402

def program(name):
    return str(pathlib.Path(PROGRAM).with_name(f"vecferry-{name}"))


WRITER, READER, VERIFIER = program("writer"), program("reader"), program("verifier")
# Nobody listens there.
NOBODY = ("--coordinator", "127.0.0.1:1")


def run(*words, env=None, binary=WRITER):
    return subprocess.run([binary, *words], capture_output=True, text=True, timeout=30, check=False,
                          env=environment() if env is None else env)


def get(address, page):
    try:
        with urllib.request.urlopen(f"http://{address}{page}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Programs(unittest.TestCase):
    def start(self, *words, env=None, binary=WRITER):
        process = subprocess.Popen([binary, *words], env=environment() if env is None else env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def address(self, process, what):
        line = process.stdout.readline()
        found = re.fullmatch(rf"{what} on (127\.0\.0\.1:\d+)\n", line)
        self.assertTrue(found, line)
        return found[1]

    def test_requests_that_do_not_end_keep_nobody_waiting_for_long(self):
        writer = self.start("--metrics-listen", "127.0.0.1:0")
        host, port = self.address(writer, "metrics").split(":")
        with contextlib.ExitStack() as held:
            for _ in range(20):
                connection = held.enter_context(socket.create_connection((host, int(port))))
                connection.sendall(b"GET /met")
            self.assertEqual(get(f"{host}:{port}", "/healthz"), (200, "alive\n"))

    def test_addresses_that_there_are_not(self):
        for listen in ("127.0.0.1:99999", "127.0.0.1:-1", "unix:/tmp/socket", "127.0.0.1:"):
            done = run("--listen", listen)
            self.assertEqual((done.returncode, done.stdout), (2, ""), listen)
            self.assertIn(f"--listen {listen}: must be HOST:PORT", done.stderr)

    def test_endpoints_and_drain(self):
        writer = self.start("--metrics-listen", "127.0.0.1:0")
        metrics = self.address(writer, "metrics")
        self.address(writer, "listening")
        self.assertEqual(get(metrics, "/healthz"), (200, "alive\n"))
        self.assertEqual(get(metrics, "/readyz"), (200, "ready\n"))
        self.assertEqual(get(metrics, "/metrics")[0], 200)
        self.assertEqual(get(metrics, "/metrics/more")[0], 404)
        writer.terminate()
        self.assertEqual(writer.wait(timeout=10), 0)
        self.assertIn("drained", writer.stderr.read())

    def test_workers_are_not_ready_without_a_coordinator(self):
        for binary, metric in ((READER, "vecferry_reader_leases 0"), (WRITER, "vecferry_writer_queue_bytes 0"),
                               (VERIFIER, 'vecferry_verifier_checks_total{verdict="pass"} 0')):
            with self.subTest(binary):
                worker = self.start(*NOBODY, "--metrics-listen", "127.0.0.1:0", binary=binary)
                metrics = self.address(worker, "metrics")
                self.address(worker, "listening")
                self.assertEqual(get(metrics, "/healthz")[0], 200)
                self.assertEqual(get(metrics, "/readyz"), (503, "no coordinator answers at 127.0.0.1 port 1\n"))
                self.assertIn(metric, get(metrics, "/metrics")[1])
                worker.terminate()
                self.assertEqual(worker.wait(timeout=10), 0)
                told = worker.stderr.read()
                self.assertIn("drained", told)
                self.assertEqual(told.count("coordinator 127.0.0.1:1 does not answer"), 1, told)

    def test_wrong_usage_of_workers(self):
        for binary, words, told in (
                (READER, [], "--coordinator is missing"), (VERIFIER, [], "--coordinator is missing"),
                (READER, ["--coordinator", "coordinator"], "--coordinator: 'coordinator' is not allowed"),
                (READER, ["--coordinator", "coordinator:7070"], "--insecure"),
                (READER, [*NOBODY, "--streams", "65"], "--streams: '65' is not allowed"),
                (VERIFIER, [*NOBODY, "--listen", "0.0.0.0:0", "--insecure"], "--advertise is missing"),
                (WRITER, [*NOBODY, "--listen", "0.0.0.0:0", "--insecure"], "--advertise is missing"),
                (WRITER, [*NOBODY, "--advertise", "here"], "--advertise: 'here' is not allowed")):
            with self.subTest((binary, words)):
                done = run(*words, binary=binary)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(told, done.stderr)

    def test_flags_from_the_environment(self):
        writer = self.start(env=environment(VECFERRY_METRICS_LISTEN="127.0.0.1:0",
                                            VECFERRY_LOG_FORMAT="json"))
        self.address(writer, "metrics")
        self.address(writer, "listening")
        writer.terminate()
        self.assertIn('"message":"drained"', writer.communicate(timeout=10)[1])

    def test_wrong_usage(self):
        for words, told in ((["--lisen", "x"], "did you mean --listen"),
                            (["--listen", "0.0.0.0:0"], "--insecure"),
                            (["--tls-cert", "/no/file"], "--tls-cert /no/file cannot be read"),
                            (["--drain-timeout", "soon"], "--drain-timeout: 'soon' is not allowed"),
                            (["--streams", "0"], "--streams: '0' is not allowed"),
                            (["--log-level", "loud"], "unknown log level 'loud'")):
            with self.subTest(words):
                done = run(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(told, done.stderr)

    def test_a_connection_is_never_told(self):
        done = run("--connection", "postgresql://u:secret@h/d")
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("secret", done.stderr)

    def test_a_port_that_is_taken(self):
        first = self.start()
        address = self.address(first, "listening")
        done = run("--listen", address)
        self.assertEqual(done.returncode, 1)
        self.assertIn(address, done.stderr)


unittest.main()
