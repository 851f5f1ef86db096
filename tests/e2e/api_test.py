"""docs/api.md as its reader follows it: the commands, the example in Python, and what the page names."""
import json
import pathlib
import re
import signal
import sqlite3
import sys
import unittest
from concurrent import futures

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from api import ApiCase, PAGE, SERVICE, await_line, ended, migrate, migration, must, shell  # noqa: E402
from command import make_store, scratch_folder  # noqa: E402
import grpc  # noqa: E402
from vecferry.v1 import coordinator_pb2, coordinator_pb2_grpc, plan_pb2  # noqa: E402


class Wavering(coordinator_pb2_grpc.MigrationServiceServicer):
    """Its first watch ends well while the migration runs, its second one breaks, its third tells the end."""
    watches = 0

    def Plan(self, request, context):
        return coordinator_pb2.PlanResponse()

    def Start(self, request, context):
        return coordinator_pb2.StartResponse(migration_id="one")

    def Watch(self, request, context):
        self.watches += 1
        last = self.watches == 3
        yield coordinator_pb2.Migration(state="DIFFERENT" if last else "COPYING", exit_code=4 if last else 130)
        if self.watches == 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "this coordinator stops")


class ApiTest(ApiCase):
    def test_the_pages_commands_carry_a_store(self):
        _, address = self.start()
        done = ended(migrate(address, self.store))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("documents -> documents: about 4000 rows, 4 columns", done.stderr)
        self.assert_arrived()
        report = self.assert_report_is_the_commands(done, address)
        self.assertEqual((report["state"], report["totals"]["inserted"]), ("VERIFIED", report["totals"]["read"]))
        # The same command once more is another migration, which has nothing to do. A row that is there with other
        # content is told.
        self.server.psql(self.database, "UPDATE documents SET title = 'mine' WHERE id = 7")
        again = ended(migrate(address, self.store))
        self.assertEqual(again.returncode, 3, again.stderr)
        report = self.assert_report_is_the_commands(again, address)
        self.assertEqual((report["totals"]["inserted"], report["totals"]["conflicting"]), (0, 1))
        self.assertEqual(report["issues"][0]["key"], {"id": 7})

    def test_a_migration_that_fails(self):
        _, address = self.start()
        store = scratch_folder() / "orphans.db"
        make_store(store, 10)
        with sqlite3.connect(store) as source:
            source.executemany("INSERT INTO chunks(document_id, body) VALUES (?, 'lost')", ((i,) for i in range(5000, 6001)))
        source.close()
        done = ended(migrate(address, store))
        self.assertEqual(done.returncode, 1, done.stderr)
        report = self.assert_report_is_the_commands(done, address)
        self.assertEqual(report["state"], "FAILED")
        self.assertIn("--max-rejects", report["failure"])
        self.assertIn(report["failure"], done.stderr)

    def test_says_what_is_missing(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        for started, told in (
                (migrate(address, "/no/such.db"), "migrate.py: NOT_FOUND: no such file: /no/such.db"),
                (migrate(address, self.store, connection="nowhere"), "NOT_FOUND: no connection is called 'nowhere'"),
                (migrate("127.0.0.1:1", self.store), "no coordinator answers at 127.0.0.1:1")):
            done = ended(started)
            self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
            self.assertIn(told, done.stderr)
        self.assertEqual(ended(shell("PYTHONPATH=stubs python3 examples/python/migrate.py")).returncode, 2)

    def test_watches_again_when_the_coordinator_comes_back(self):
        cluster, address = self.start(readers=0)
        coordinator = cluster.of("coordinator")[0]
        watching = migrate(address, self.store)
        await_line(watching, "^(PLANNED|COPYING) ")
        coordinator.end(signal.SIGKILL)
        await_line(watching, "the watch broke")
        coordinator.start()
        cluster.add("reader", 0).start()
        done = ended(watching)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

    def test_watches_until_a_state_that_does_not_run(self):
        server = grpc.server(futures.ThreadPoolExecutor(4))
        coordinator_pb2_grpc.add_MigrationServiceServicer_to_server(Wavering(), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        self.addCleanup(lambda: server.stop(None).wait())
        done = ended(migrate(address, self.store))
        self.assertEqual((done.returncode, json.loads(done.stdout)["state"]), (4, "DIFFERENT"), done.stderr)

    def test_only_a_client_may_migrate(self):
        folder = scratch_folder()
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        must(f"cd {folder}; openssl req -x509 {key} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem")
        for role in ("coordinator", "client", "reader"):
            must(f"cd {folder}; openssl req {key} -subj /CN=vecferry-{role} -keyout {role}.key -out request;"
                 f"openssl x509 -req -days 2 -CAcreateserial -in request -CA ca.pem -CAkey ca.key -out {role}.pem")
        tls = [word for flag, file in (("cert", "coordinator.pem"), ("key", "coordinator.key"), ("ca", "ca.pem"))
               for word in (f"--tls-{flag}", str(folder / file))]
        _, address = self.start(readers=0, writers=0, verifiers=0, words={"coordinator": tls})
        for role, told in (("client", "NOT_FOUND: no such file"),  # it was heard
                           ("reader", "PERMISSION_DENIED: this call is for a client; the certificate is of vecferry-reader"),
                           (None, "no coordinator answers")):
            words = [] if role is None else ["--tls", *(str(folder / file) for file in (f"{role}.pem", f"{role}.key", "ca.pem"))]
            done = ended(migrate(address, "/no/such.db", *words))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(told, done.stderr)

    def test_the_page_names_what_there_is(self):
        methods = PAGE.split("## Methods")[1].split("**The request")[0]
        for method in SERVICE.methods:
            self.assertIn(f"`{method.name}`", methods)
        for field in coordinator_pb2.StartRequest.DESCRIPTOR.fields:
            self.assertIn(f"`{field.name}", PAGE)
        for field in plan_pb2.Identity.DESCRIPTOR.fields:
            self.assertRegex(PAGE, rf"`(identity)?\.{field.name}`")
        for code in grpc.StatusCode:
            self.assertTrue(code.name in PAGE or code.name in ("OK", "OUT_OF_RANGE", "UNAUTHENTICATED"), code)


unittest.main()
