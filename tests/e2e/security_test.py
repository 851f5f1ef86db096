"""Services under mutual TLS, as processes of their own: a migration through them, who is refused and what is told of it,
certificates that are replaced while all runs, and where plain text is accepted."""
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from certificates import Authority  # noqa: E402
from command import PROGRAM, Server, compare_store, environment, make_store, run, scratch_folder  # noqa: E402

KINDS = ("coordinator", "reader", "writer", "verifier")
TRIES = 3
SERVER = Server()
FOLDER = scratch_folder()
STORE = FOLDER / "store.db"
make_store(STORE, 500)


def lines_of(member):
    return member.log.read_text().splitlines()


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.ours = Authority(FOLDER / f"{self.database}-ours", "ours")

    def start(self, **options):
        self.services = services.start(SERVER, self.database, readers=1, writers=1,
                                       words={kind: self.ours.flags(kind) for kind in KINDS}, **options)
        self.addCleanup(self.services.stop)
        self.coordinator = self.services.of("coordinator")[0]

    def copy(self, flags, *more):
        return run(*services.copy_words(STORE, self.services, *flags, *more))

    def carries(self, flags, schema="public"):
        done = self.copy(flags, "--schema", schema)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database, schema), [])


class Refusals(Case):
    def setUp(self):
        super().setUp()
        self.start()
        self.theirs = Authority(FOLDER / f"{self.database}-theirs", "theirs")

    def refused(self, flags):
        """What a command with these flags says, tried several times; and the coordinator's lines about them."""
        before = len(lines_of(self.coordinator))
        tries = [subprocess.Popen([PROGRAM, *services.copy_words(STORE, self.services, *flags)], env=environment(),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(TRIES)]
        told = {process.communicate(timeout=60)[1].splitlines()[-1] for process in tries}
        self.assertEqual({process.returncode for process in tries}, {1}, told)
        self.assertEqual(len(told), 1, told)
        self.nothing_changed()
        return told.pop(), lines_of(self.coordinator)[before:]

    def nothing_changed(self):
        self.assertEqual(SERVER.query(self.database, "SELECT to_regnamespace('vecferry')"), [[None]])

    def assert_one(self, lines, part):
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(part, lines[0])

    def test_another_role(self):
        for role in ("reader", "somebody"):
            told, lines = self.refused(self.ours.flags(role))
            self.assertIn(f"this call is for a client; the certificate is of vecferry-{role}", told)
            self.assert_one(lines, f"refused a call of ipv4:127.0.0.1: {told.removeprefix('vecferry: ')}")

    def test_another_authority(self):
        told, lines = self.refused(self.theirs.flags("client", authority=self.ours))
        self.assertIn(f"the coordinator at {self.coordinator.address} does not answer", told)
        self.assertIn("--tls-ca", told)
        self.assert_one(lines, "certificate verify failed")

    def test_a_coordinator_of_another_authority(self):
        told, _ = self.refused(self.ours.flags("client", authority=self.theirs))
        self.assertIn("certificate verify failed", told)

    def test_plain_text(self):
        told, lines = self.refused([])
        self.assertIn("does it ask for certificates (--tls-cert, --tls-key, --tls-ca)?", told)
        self.assert_one(lines, "Handshake failed")

    def test_no_certificate(self):
        context = ssl.create_default_context(cafile=self.ours.certificate)
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        before = len(lines_of(self.coordinator))
        host, port = self.coordinator.address.split(":")
        for _ in range(TRIES):
            with socket.create_connection((host, int(port))) as bare, context.wrap_socket(bare) as connection:
                self.assertEqual(connection.recv(1024), b"")
        self.assert_one(lines_of(self.coordinator)[before:], "peer did not return a certificate")
        self.nothing_changed()

    def test_a_worker_of_another_role(self):
        writer = self.services.add("writer", 9)
        for flag, value in zip(*[iter(self.ours.flags("reader"))] * 2):
            writer.words[writer.words.index(flag) + 1] = value
        writer.start()
        while "does not answer" not in writer.log.read_text():
            self.assertTrue(writer.running())
        self.assertIn("this call is for a writer; the certificate is of vecferry-reader", writer.log.read_text())
        self.assertIn("this call is for a writer", lines_of(self.coordinator)[-1])


class Working(Case):
    def test_a_migration(self):
        self.start()
        self.carries(self.ours.flags("client"))
        self.assertEqual(set(self.services.stop().values()), {0})
        for member in self.services.members:
            told = lines_of(member)
            self.assertTrue(all(" info " in line for line in told), told)

    def test_files_that_are_replaced(self):
        self.start()
        self.carries(self.ours.flags("client"), "one")
        former = Authority(FOLDER / f"{self.database}-former", "former")
        former_client = self.ours.flags("client")
        kept = [shutil.copy(path, former.folder / f"kept-{pathlib.Path(path).name}") for path in former_client[1::2]]
        following = Authority(FOLDER / f"{self.database}-following", "following")
        for kind in (*KINDS, "client"):
            for new, old in zip(following.flags(kind)[1:4:2], self.ours.flags(kind)[1:4:2]):
                os.replace(new, old)
        os.replace(following.certificate, self.ours.certificate)
        self.carries(self.ours.flags("client"), "two")
        # Connections outlive their certificates: this ends all.
        self.assertEqual(self.coordinator.end(15), 0)
        self.coordinator.start()
        self.carries(self.ours.flags("client"), "three")
        for name, file in zip(former_client[::2], kept):
            former_client[former_client.index(name) + 1] = file
        done = self.copy(former_client)
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not answer", done.stderr)
        self.carries(self.ours.flags("client"), "four")


class PlainText(unittest.TestCase):
    def test_is_not_for_other_machines(self):
        ours = Authority(FOLDER / "listen", "ours")
        for kind in KINDS:
            words = [str(pathlib.Path(PROGRAM).with_name(f"vecferry-{kind}"))]
            words += ["--coordinator", "127.0.0.1:1", "--advertise", "127.0.0.1:1"] if kind != "coordinator" else []
            for listen in ("0.0.0.0:0", "[::]:0"):
                with self.subTest((kind, listen)):
                    done = subprocess.run([*words, "--listen", listen], capture_output=True, text=True, timeout=30,
                                          env=environment(), check=False)
                    self.assertEqual((done.returncode, done.stdout), (2, ""))
                    for part in (f"--listen {listen}", "--tls-cert", "--insecure"):
                        self.assertIn(part, done.stderr)
            for more in (["--insecure"], ours.flags(kind)):
                with self.subTest((kind, more)):
                    process = subprocess.Popen([*words, "--listen", "0.0.0.0:0", *more], text=True, env=environment(),
                                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                    self.addCleanup(process.communicate)
                    self.addCleanup(process.kill)
                    self.assertIn("listening on 0.0.0.0:", process.stdout.readline())


unittest.main()
