"""The limit: what Postgres itself takes for the rows, from two ready-made binary files over two connections."""
import os
import subprocess
import time

import store
from measure import BenchError, Cost, Process
from server import environment


def half_paths(folder):
    return [os.path.join(folder, f"half{number}.copy") for number in (1, 2)]


def make_halves(server, folder, sqlite_path, dim):
    """Loads the store once and lets Postgres write it as two binary files. Done when both files exist."""
    if all(os.path.exists(path) for path in half_paths(folder)):
        return
    server.fresh_schema("run_halves", store.columns(dim))
    load = subprocess.Popen(server.psql() + ["-c", r"\copy run_halves.memories FROM pstdin WITH (FORMAT binary)"],
                            stdin=subprocess.PIPE, env=environment())
    store.write_copy_binary(sqlite_path, load.stdin)
    load.stdin.close()
    if load.wait() != 0:
        raise BenchError("the store could not be loaded to make the binary files")
    middle = server.query("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM run_halves.memories")
    for path, side in zip(half_paths(folder), ("<=", ">")):
        server.query(rf"\copy (SELECT * FROM run_halves.memories WHERE id {side} '{middle}') "
                     rf"TO '{path}.partial' WITH (FORMAT binary)")
    for path in half_paths(folder):
        os.rename(path + ".partial", path)


def row_bytes(folder):
    """Bytes of all rows in COPY BINARY: the MB of every MB/s."""
    overhead = len(store.COPY_SIGNATURE) + len(store.COPY_END)
    return sum(os.path.getsize(path) - overhead for path in half_paths(folder))


def run(server, folder, schema, dim):
    """One load. Both sessions are connected before the clock starts, so connecting is not part of the limit."""
    server.fresh_schema(schema, store.columns(dim))
    sessions = [Process(server.psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment())
                for _ in half_paths(folder)]
    for session in sessions:
        _ask(session, r"SELECT 'ready';")
    started = time.monotonic()
    for session, path in zip(sessions, half_paths(folder)):
        _tell(session, rf"\copy {schema}.memories FROM '{path}' WITH (FORMAT binary)" + "\nSELECT 'done';")
    answers = [session.child.stdout.readline() for session in sessions]
    seconds = time.monotonic() - started
    costs = []
    for session, answer in zip(sessions, answers):
        session.child.stdin.close()
        code, cost = session.wait()
        session.child.stdout.close()
        if code != 0 or answer != "done\n":
            raise BenchError(f"psql \\copy failed ({code}): its message is above")
        costs.append(cost)
    return Cost(seconds, max(cost.wall_seconds for cost in costs), sum(cost.cpu_seconds for cost in costs),
                sum(cost.peak_bytes for cost in costs))


def _tell(session, line):
    session.child.stdin.write(line + "\n")
    session.child.stdin.flush()


def _ask(session, line):
    _tell(session, line)
    if not session.child.stdout.readline():
        raise BenchError("psql could not connect to the benchmark's Postgres")
