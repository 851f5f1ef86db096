"""Wall clocks that jump by an hour, forwards and back, under services that carry a migration: leases and signs of life are
judged by the database's clock and by monotonic ones, so nothing is lost, and nobody is taken for dead. By libfaketime."""
import datetime
import glob
import pathlib
import re
import signal
import subprocess
import sys
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import PROGRAM, Server, compare_store, environment, make_store, scratch_folder  # noqa: E402

ROWS = 60_000


def rows_read(server, database):
    if server.query(database, "SELECT to_regclass('vecferry.shard')") == [[None]]:
        return 0
    return int(server.query(database, "SELECT coalesce(sum(rows_read), 0) FROM vecferry.shard")[0][0])


def lines(cluster, part):
    return [line for member in cluster.members for line in member.log.read_text().splitlines() if part in line]


def main():
    found = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    assert found, "libfaketime is not installed: run tools/setup"
    server, folder = Server(), scratch_folder()
    store, clock = folder / "store.db", folder / "clock"
    make_store(store, ROWS)
    database = server.make_database()
    clock.write_text("+0\n")
    faked = environment(LD_PRELOAD=found[0], FAKETIME_TIMESTAMP_FILE=str(clock), FAKETIME_NO_CACHE="1",
                        FAKETIME_DONT_FAKE_MONOTONIC="1")
    cluster = services.start(server, database, environment=faked, readers=2, writers=2)
    with subprocess.Popen([PROGRAM, *services.copy_words(store, cluster, "--batch-size", "5")], env=faked,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as copy:
        for jump in ("+1h", "-1h", "+0"):
            before = rows_read(server, database)
            while copy.poll() is None and rows_read(server, database) == before:
                pass
            assert copy.poll() is None, f"it ended before the clock jumped to {jump}: {copy.stderr.read()}"
            clock.write_text(jump + "\n")
        _, told = copy.communicate(timeout=300)
    assert copy.returncode == 0, told
    assert compare_store(store, server, database) == []
    with urllib.request.urlopen(f"http://{cluster.of('coordinator')[0].metrics}/metrics", timeout=10) as answer:
        lost = re.search(r"^vecferry_coordinator_leases_lost_total (\S+)$", answer.read().decode(), re.MULTILINE)[1]
    assert lost == "0", lost
    assert server.query(database, "SELECT state, resumed FROM vecferry.migration") == [["VERIFIED", "0"]]
    clock.write_text("+1h\n")
    for member in cluster.members:
        assert member.end(signal.SIGTERM) == 0, member.log.read_text()
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=30)
    drained = [line.split()[0] for line in lines(cluster, " drained")]
    assert len(drained) == len(cluster.members) and min(drained) > soon.isoformat(), f"they saw another clock: {drained}"
    assert not lines(cluster, "is gone"), lines(cluster, "is gone")


main()
