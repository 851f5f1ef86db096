"""A client's view of a coordinator: docs/api.md's commands with the example in Python, and its stubs for what else the
page says: pause, resume, cancel, versions, roles, health, reflection."""
import importlib.util
import json
import os
import pathlib
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
import unittest
from concurrent import futures

# gRPC for Python is a package of tools/setup: where another Python runs this, the system's takes its place.
SYSTEM_PYTHON = "/usr/bin/python3"
if importlib.util.find_spec("grpc") is None and os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON):
    os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import Server, compare_store, environment, make_store, run, scratch_folder  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = (TOP / "docs" / "api.md").read_text()
PROTO_OF_GRPC = "/usr/share/grpc-proto/grpc"
FOLDER = scratch_folder()  # where the page's commands run, as from the top


def shell(command):
    return subprocess.Popen(["bash", "-ec", command], cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment(PATH=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}",
                                            PYTHONDONTWRITEBYTECODE="1"))


def must(command):
    started = shell(command)
    _, told = started.communicate(timeout=60)
    if started.returncode != 0:
        raise AssertionError(f"{command}\n{told}")


for name in ("proto", "examples"):
    (FOLDER / name).symlink_to(TOP / name)
*TO_PREPARE, TO_MIGRATE = re.findall(r"^    (.*)$", PAGE.split("## Stubs")[1].split("\n## ")[0], re.MULTILINE)
must("\n".join(TO_PREPARE))
for folder, file in (("health/v1", "health.proto"), ("reflection/v1alpha", "reflection.proto")):
    must(f"protoc -I {PROTO_OF_GRPC}/{folder} --plugin=protoc-gen-grpc_python=$(command -v grpc_python_plugin)"
         f" --python_out=stubs --grpc_python_out=stubs {file}")
sys.path.insert(0, str(FOLDER / "stubs"))
import grpc  # noqa: E402
import health_pb2  # noqa: E402
import health_pb2_grpc  # noqa: E402
import reflection_pb2  # noqa: E402
import reflection_pb2_grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: E402
from vecferry.v1 import coordinator_pb2, coordinator_pb2_grpc, plan_pb2  # noqa: E402

METADATA = (("vecferry-plan-format", "1"), ("vecferry-version", "api_test"))
SERVICE = coordinator_pb2.DESCRIPTOR.services_by_name["MigrationService"]


def migrate(address, source, *more, connection="memory"):
    """The page's last command, begun."""
    words = {"HOST:PORT": address, "NAME": connection, "PATH": shlex.quote(str(source))}
    command = re.sub(r"HOST:PORT|\b(NAME|PATH)\b", lambda found: words[found[0]], TO_MIGRATE)
    return shell(" ".join([command, *more]))


def ended(started):
    out, err = started.communicate(timeout=120)
    return subprocess.CompletedProcess(started.args, started.returncode, out, err)


def await_line(started, pattern):
    for line in started.stderr:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"it ended before {pattern}")


class Caller:
    """The stubs, with the metadata and the deadline that every call needs."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.stub = coordinator_pb2_grpc.MigrationServiceStub(self.channel)

    def __getattr__(self, method):
        return lambda request: getattr(self.stub, method)(request, metadata=METADATA, timeout=60)


def migration(migration_id):
    return coordinator_pb2.GetRequest(migration_id=migration_id, connection="memory")


def cancel(migration_id, drop=False):
    return coordinator_pb2.CancelRequest(migration_id=migration_id, connection="memory", drop=drop)


def start_request(source):
    identity = plan_pb2.Identity(source_kind="sqlite", source_path=os.fsencode(source), destination_schema="public",
                                 profile="auto", on_conflict="skip", max_row_bytes=64 << 20)
    return coordinator_pb2.StartRequest(identity=identity, connection="memory", connections_max=4, batch_rows_max=500,
                                        rejects_max=1000, on_source_change="reconcile")


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


class ApiTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.store = scratch_folder() / "a store.db"
        make_store(cls.store, 4000)

    def setUp(self):
        self.database = self.server.make_database()

    def start(self, **options):
        started = services.start(self.server, self.database, **options)
        self.addCleanup(started.stop)
        return started, started.of("coordinator")[0].address

    def assert_arrived(self):
        self.assertEqual(compare_store(self.store, self.server, self.database), [])

    def assert_refused(self, code, call, *words):
        with self.assertRaises(grpc.RpcError) as raised:
            call(*words)
        self.assertEqual(raised.exception.code(), code, raised.exception.details())
        return raised.exception.details()

    def assert_report_is_the_commands(self, done, address):
        report = json.loads(done.stdout)
        status = run("migrate", "status", report["migration_id"], "-o", "json", "--coordinator", address, "--to-connection",
                     "memory")
        self.assertEqual(report, json.loads(status.stdout))
        self.assertEqual(list(report), list(json.loads(status.stdout)))
        self.assertEqual(report["exit_code"], done.returncode)
        return report

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

    def test_pauses_resumes_and_cancels(self):
        cluster, address = self.start(readers=0)
        caller = Caller(address)
        watching = migrate(address, self.store)
        one = migration(await_line(watching, "starting migration (.*)")[1])
        self.assertEqual(caller.Pause(one).state, "PAUSED")
        self.assertEqual(ended(watching).returncode, 130)
        self.assertEqual(caller.Pause(one).state, "PAUSED")
        self.assertTrue(caller.Resume(one).resumed)
        self.assertIn(next(iter(caller.Watch(one))).state, ("PLANNED", "COPYING"))
        self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, caller.Resume, one)
        self.assertEqual(caller.Cancel(cancel(one.migration_id)).state, "CANCELLED")
        self.assertEqual([*caller.Watch(one)][-1].exit_code, 1)
        # Start with the same identity goes on with it; called again it answers the same.
        for _ in range(2):
            started = caller.Start(start_request(self.store))
            self.assertEqual((started.migration_id, started.resumed), (one.migration_id, True))
        cluster.add("reader", 0).start()
        self.assertEqual([*caller.Watch(one)][-1].state, "VERIFIED")
        self.assert_arrived()
        for call, request in ((caller.Pause, one), (caller.Resume, one), (caller.Cancel, cancel(one.migration_id))):
            self.assertIn("has ended already", self.assert_refused(grpc.StatusCode.FAILED_PRECONDITION, call, request))
        self.assertIn("no migration ffff", self.assert_refused(grpc.StatusCode.NOT_FOUND, caller.Get, migration("ffff")))

    def test_start_goes_on_with_one_that_was_paused_a_moment_ago(self):
        _, address = self.start(readers=0)
        caller = Caller(address)
        for halt in (caller.Pause, lambda one: caller.Cancel(cancel(one.migration_id))):
            one = migration(caller.Start(start_request(self.store)).migration_id)
            halt(one)
            self.assertTrue(caller.Start(start_request(self.store)).resumed)
            self.assertIn(caller.Get(one).state, ("PLANNED", "COPYING"))

    def test_every_coordinator_tells_what_another_one_does(self):
        cluster, address = self.start(readers=0, coordinators=2)
        here, there = Caller(address), Caller(cluster.of("coordinator")[1].address)
        one = migration(here.Start(start_request(self.store)).migration_id)
        here.Pause(one)
        self.assertEqual([*here.Watch(one)][-1].state, "PAUSED")
        there.Resume(one)
        self.assertEqual(here.Get(one).state, "COPYING")
        self.assertEqual(next(iter(here.Watch(one))).state, "COPYING")
        self.assertEqual(there.Cancel(cancel(one.migration_id, drop=True)).state, "DROPPED")
        self.assertEqual(there.Get(one).state, "DROPPED")

    def test_refuses_what_is_not_allowed(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        caller = Caller(address)
        for name, value, told in (("connections_max", 0, "0; allowed: 3 to 64"), ("batch_rows_max", 0, "allowed: 1 to"),
                                  ("connections_max", 4_000_000_000, "too large; allowed: 3 to 64"),
                                  ("rejects_max", 1 << 63, "too large"), ("on_source_change", "guess", "reconcile, fail"),
                                  ("readers", 63, "allowed: 0 to 62"), ("writers", 63, "allowed: 0 to 62"),
                                  ("identity.source_kind", "mysql", "'mysql'; allowed: sqlite"),
                                  ("identity.profile", "", "''; allowed: auto"),
                                  ("identity.on_conflict", "guess", "skip, update, fail"),
                                  ("identity.max_row_bytes", 0, "0; allowed: 1 to")):
            request = start_request(self.store)
            of, field = (request.identity, name[9:]) if name.startswith("identity.") else (request, name)
            setattr(of, field, value)
            for call in (caller.Plan, caller.Start):
                details = self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, call, request)
                self.assertIn(f"{name}: ", details)
                self.assertIn(told, details)
        elsewhere = start_request(self.store)
        elsewhere.connection = "nowhere"
        self.assertIn("'nowhere'", self.assert_refused(grpc.StatusCode.NOT_FOUND, caller.Plan, elsewhere))
        self.assertEqual(len(caller.List(coordinator_pb2.ListRequest(connection="memory")).migrations), 0)

    def test_a_dropped_migration_frees_its_tables(self):
        _, address = self.start(readers=0)
        caller = Caller(address)
        started = caller.Start(start_request(self.store))
        other = start_request(self.store)
        other.identity.skip.extend((b"notes", b"events"))  # another identity
        self.assertIn(started.migration_id, self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, caller.Start, other))
        self.assertEqual(caller.Cancel(cancel(started.migration_id, drop=True)).state, "DROPPED")
        listed = caller.List(coordinator_pb2.ListRequest(connection="memory")).migrations
        self.assertEqual([(one.id, one.state) for one in listed], [(started.migration_id, "DROPPED")])
        self.assertFalse(caller.Start(other).resumed)
        # The order of its lists does not tell identities apart.
        del other.identity.skip[:]
        other.identity.skip.extend((b"events", b"notes"))
        self.assertTrue(caller.Start(other).resumed)

    def test_names_both_plan_formats(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        stub = Caller(address).stub
        for metadata, told in (((), "an unknown version with plan format unknown"),
                               ((("vecferry-plan-format", "2"), ("vecferry-version", "7.0")), "7.0 with plan format 2")):
            details = self.assert_refused(grpc.StatusCode.FAILED_PRECONDITION, lambda given: stub.List(
                coordinator_pb2.ListRequest(connection="memory"), metadata=given, timeout=60), metadata)
            self.assertIn("with plan format 1; the caller is", details)
            self.assertIn(told, details)

    def test_only_a_client_may_migrate(self):
        folder = scratch_folder()
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        must(f"cd {folder}; openssl req -x509 {key} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem")
        for role in ("coordinator", "client", "reader"):
            must(f"cd {folder}; openssl req {key} -subj /CN=vecferry-{role} -keyout {role}.key -out request;"
                 f"openssl x509 -req -days 2 -CAcreateserial -in request -CA ca.pem -CAkey ca.key -out {role}.pem")
        tls = [word for flag, file in (("cert", "coordinator.pem"), ("key", "coordinator.key"), ("ca", "ca.pem"))
               for word in (f"--tls-{flag}", str(folder / file))]
        _, address = self.start(readers=0, writers=0, verifiers=0, words=tls)
        for role, told in (("client", "NOT_FOUND: no such file"),  # it was heard
                           ("reader", "PERMISSION_DENIED: this call is for a client; the certificate is of vecferry-reader"),
                           (None, "no coordinator answers")):
            words = [] if role is None else ["--tls", *(str(folder / file) for file in (f"{role}.pem", f"{role}.key", "ca.pem"))]
            done = ended(migrate(address, "/no/such.db", *words))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(told, done.stderr)

    def test_answers_health_and_reflection(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        channel = grpc.insecure_channel(address)
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
        self.assertEqual(check.status, health_pb2.HealthCheckResponse.SERVING)
        listed = ask_reflection(channel, list_services="").list_services_response.service
        self.assertLessEqual({"grpc.health.v1.Health", "vecferry.v1.LeaseService", "vecferry.v1.MigrationService",
                              "vecferry.v1.SourceService", "vecferry.v1.WorkerService"}, {one.name for one in listed})
        # As grpcurl does: the files that a service is made of, and the types of its methods from them alone.
        files = ask_reflection(channel, file_containing_symbol=SERVICE.full_name).file_descriptor_response
        parsed = [descriptor_pb2.FileDescriptorProto.FromString(one) for one in files.file_descriptor_proto]
        while unknown := {name for one in parsed for name in one.dependency} - {one.name for one in parsed}:
            for name in unknown:
                more = ask_reflection(channel, file_by_filename=name).file_descriptor_response.file_descriptor_proto
                parsed += [descriptor_pb2.FileDescriptorProto.FromString(one) for one in more]
        pool = descriptor_pool.DescriptorPool()
        for one in parsed[::-1]:  # what is needed came last
            pool.Add(one)
        told = pool.FindServiceByName(SERVICE.full_name)
        self.assertEqual([method.name for method in told.methods], [method.name for method in SERVICE.methods])
        start = told.methods_by_name["Start"]
        self.assertEqual((start.input_type.full_name, start.output_type.full_name),
                         ("vecferry.v1.StartRequest", "vecferry.v1.StartResponse"))
        self.assertEqual(start.input_type.fields_by_name["identity"].message_type.fields_by_name["source_path"].number, 2)

    def test_reflection_can_be_turned_off(self):
        _, address = self.start(readers=0, writers=0, verifiers=0, words=["--no-reflection"])
        self.assert_refused(grpc.StatusCode.UNIMPLEMENTED, ask_reflection, grpc.insecure_channel(address))

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


def ask_reflection(channel, **asked):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    answers = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**asked)]), timeout=60)
    return next(answers)


unittest.main()
