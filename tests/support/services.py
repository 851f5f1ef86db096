"""Services as processes of their own, for tests in Python: tools/cluster, and the command that asks a coordinator."""
import atexit
import importlib.machinery
import importlib.util
import pathlib
import sys

sys.dont_write_bytecode = True  # beside a tool there is no place for it
_TOOL = str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools" / "cluster")
_LOADER = importlib.machinery.SourceFileLoader("cluster", _TOOL)
cluster = importlib.util.module_from_spec(importlib.util.spec_from_loader("cluster", _LOADER))
_LOADER.exec_module(cluster)

from command import environment, scratch_folder  # noqa: E402


def start(server, database, **options):
    """A cluster over one database, known as `memory`; it ends with this process."""
    options.setdefault("environment", environment())
    started = cluster.Cluster(scratch_folder(), {"memory": server.url(database)}, **options)
    atexit.register(started.stop)
    return started


def remote_words(group, name, services, *more):
    return [group, name, "--coordinator", services.of("coordinator")[0].address, "--to-connection", "memory", *more]


def copy_words(store, services, *more):
    return remote_words("migrate", "copy", services, "--from", "sqlite", "--to", "postgres", "--sqlite-path", str(store),
                        "--progress", "none", *more)
