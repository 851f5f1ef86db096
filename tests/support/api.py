"""What tests of docs/api.md share: the page's commands run in a folder as from the top, the stubs that they make, and
callers of a coordinator."""
import importlib.util
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import unittest

# gRPC for Python is a package of tools/setup: where another Python runs this, the system's takes its place.
SYSTEM_PYTHON = "/usr/bin/python3"
if importlib.util.find_spec("grpc") is None and os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON):
    os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
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
import reflection_pb2  # noqa: E402
import reflection_pb2_grpc  # noqa: E402
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


def ask_reflection(channel, **asked):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    answers = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(**asked)]), timeout=60)
    return next(answers)


class ApiCase(unittest.TestCase):
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
