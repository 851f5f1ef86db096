"""Programs of two versions at one ledger, and at one cluster: who is older refuses by name and changes nothing, who is
newer finishes what an older one began."""
import json
import pathlib
import re
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import HERE, Server, compare_store, copy_words, environment, make_store, report_of, run, scratch_folder  # noqa: E402
from plain_call import call  # noqa: E402

SERVER = Server()
STORE = scratch_folder() / "store.db"
make_store(STORE, 600)
VERSION = run("--version").stdout.split()[1]
NEWER = {"vecferry-version": "99.9.9", "vecferry-plan-format": "99"}


class Case(unittest.TestCase):
    def setUp(self):
        """A migration that ended in the middle of its copy."""
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        done = run(*copy_words(STORE, self.url, "--batch-size", "50"),
                   env=environment(VECFERRY_FAULT="writer.after_commit_before_ack:3"))
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        self.migration = self.query("SELECT id FROM vecferry.migration")[0][0]

    def query(self, sql):
        return SERVER.query(self.database, sql)

    def start(self):
        started = services.start(SERVER, self.database, readers=1, writers=1)
        self.addCleanup(started.stop)
        return started

    def contents(self):
        """Of the ledger, and of what was carried."""
        tables = self.query("SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE "
                            "table_schema IN ('vecferry', 'public') AND table_type = 'BASE TABLE' ORDER BY 1")
        return [(name, self.query(f"SELECT t::text FROM {name} t ORDER BY 1")) for (name,) in tables]


class NewerLedgers(Case):
    def refuse(self, parts, words):
        before = self.contents()
        for command in words:
            with self.subTest(command):
                done = run(*command)
                self.assertEqual(done.returncode, 1, done.stderr + done.stdout)
                told = done.stderr.splitlines()[-1]
                for part in parts:
                    self.assertIn(part, told)
                self.assertEqual(self.contents(), before)

    def test_a_newer_ledger(self):
        SERVER.psql(self.database, "UPDATE vecferry.ledger_version SET version = 77")
        cluster = self.start()
        at_home = ["--postgres-url", self.url]
        self.refuse(["version 77", "made by a newer vecferry", "version 3", "use the newer program"], [
            *(services.copy_words(STORE, cluster, *more) for more in ([], ["--dry-run"])),
            *(services.remote_words("migrate", name, cluster)
              for name in ("list", "status", "watch", "pause", "resume", "cancel")),
            *(copy_words(STORE, self.url, *more) for more in ([], ["--dry-run"])),
            *(["migrate", name, *at_home] for name in ("list", "status", "cancel")),
            ["migrate", "cancel", self.migration, "--drop", "--yes", *at_home],
            *(["rejects", name, self.migration, *at_home] for name in ("list", "replay")),
            ["rejects", "export", self.migration, "--out", str(STORE.parent / "rejects"), *at_home],
            ["ledger", "drop", "--yes", *at_home]])
        # And a coordinator that looks for migrations which nobody drives leaves this one alone.
        coordinator = cluster.of("coordinator")[0]
        coordinator.end(signal.SIGTERM)
        before = self.contents()
        coordinator.start()
        while "version 77" not in coordinator.log.read_text():
            self.assertTrue(coordinator.running())
        self.assertEqual(self.contents(), before)

    def test_a_newer_plan(self):
        """Its first field is the format."""
        SERVER.psql(self.database, "UPDATE vecferry.migration SET plan = set_byte(plan, 1, 77)")
        self.refuse(["format 77", f"made by vecferry {VERSION}", "format 1"],
                    [services.copy_words(STORE, self.start()), copy_words(STORE, self.url)])


class OlderLedgers(Case):
    def make_older(self):
        """The ledger as version 1 had it, with what it holds now."""
        text = (HERE / "ledger_version_1.h").read_text()
        older = re.search(r'R"sql\((.*?)\)sql"', text, re.DOTALL)[1]
        copies = []
        for (table,) in self.query("SELECT relname FROM pg_class WHERE relnamespace = 'vecferry'::regnamespace AND "
                                   "relkind = 'r' AND relname <> 'ledger_version'"):
            columns = [name for name, in self.query(
                f"SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = 'vecferry.{table}'::regclass AND "
                "attnum > 0 AND NOT attisdropped AND attgenerated = ''")]
            columns = [name for name in columns if re.search(rf"\b{name}\b", older)]
            if f"CREATE TABLE vecferry.{table} " in older:  # else a later version brought it
                copies.append((table, ", ".join(columns)))
        copies.sort(key=lambda copy: copy[0] != "migration")  # to which the others refer
        SERVER.psql(self.database, "ALTER SCHEMA vecferry RENAME TO newer; CREATE SCHEMA vecferry;" + older + "".join(
            f"INSERT INTO vecferry.{table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM newer.{table};"
            for table, columns in copies) + "DROP SCHEMA newer CASCADE;"
            "SELECT setval('vecferry.event_id_seq', (SELECT max(id) FROM vecferry.event));"
            "UPDATE vecferry.migration SET program_version = '0.0.1'")

    def finish(self, words):
        self.make_older()
        self.assertEqual(self.query("SELECT version FROM vecferry.ledger_version"), [["1"]])
        carried = int(self.query("SELECT sum(rows_read) FROM vecferry.shard")[0][0])
        self.assertGreater(carried, 0)
        done, report = report_of(words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((report["migration_id"], report["resumed"], report["state"]), (self.migration, 1, "VERIFIED"))
        self.assertEqual(self.query("SELECT version FROM vecferry.ledger_version"), [["3"]])
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_services_finish_it(self):
        self.finish(services.copy_words(STORE, self.start()))

    def test_the_command_finishes_it(self):
        self.finish(copy_words(STORE, self.url))

    def test_it_is_shown_as_it_is(self):
        self.make_older()
        shown = run("migrate", "list", "-o", "json", "--postgres-url", self.url)
        self.assertEqual(json.loads(shown.stdout)[0]["migration_id"], self.migration, shown.stderr)
        self.assertEqual(self.query("SELECT version FROM vecferry.ledger_version"), [["1"]])


class Callers(Case):
    METHODS = {"coordinator": ("MigrationService/Start", "MigrationService/Watch", "LeaseService/Acquire",
                               "WorkerService/Beat", "SourceService/Fetch"),
               "writer": ("WriterService/Ingest", "WriterService/GetCheckpoint"), "verifier": ("VerifierService/Verify",)}

    def test_of_another_plan_format(self):
        cluster = self.start()
        before = self.contents()
        for kind, methods in self.METHODS.items():
            member = cluster.of(kind)[0]
            for method in methods:
                for metadata, caller in ((NEWER, "99.9.9 with plan format 99"),
                                         ({}, "of an unknown version with plan format unknown")):
                    with self.subTest((method, metadata)):
                        answer = call(member.address, method, metadata).decode(errors="replace")
                        self.assertRegex(answer, "grpc-status.9")  # FAILED_PRECONDITION
                        told = f"this is vecferry {VERSION} with plan format 1; the caller is {caller}"
                        self.assertIn(told, answer)
                        log = member.log.read_text()
                        self.assertEqual(log.count(f"refused a call of ipv4:127.0.0.1: {told}"), 1, log)
        self.assertEqual(self.contents(), before)
        # The same calls by our own program are served.
        done = run(*services.copy_words(STORE, cluster))
        self.assertEqual(done.returncode, 0, done.stderr)


unittest.main()
