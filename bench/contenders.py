"""What is compared. Each contender says whether it is installed and loads the store once into a fresh schema."""
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys

import limit
import measure
import store
from measure import BenchError, tail
from server import environment

HERE = os.path.dirname(os.path.abspath(__file__))


@dataclasses.dataclass
class Bench:
    """What every contender needs to know about the run."""
    server: object
    folder: str        # the cached generic store and its binary halves
    rows: int
    dim: int
    vecferry: str      # the program
    runs: int = 0      # schemas handed out

    @property
    def store(self):
        return os.path.join(self.folder, "store.db")

    def next_schema(self):
        self.runs += 1
        return f"run_{self.runs}"

    def log(self, name, suffix=".log"):
        return os.path.join(os.path.dirname(self.folder), name + suffix)

    def check_count(self, schema):
        count = self.server.query(f"SELECT count(*) FROM {schema}.memories")
        if count != str(self.rows):
            raise BenchError(f"{schema}.memories has {count} rows, expected {self.rows}")


class Limit:
    name, note = "limit", "two psql \\copy of ready-made binary files"

    def missing(self, _bench):
        return "psql is not installed" if shutil.which("psql") is None else None

    def run(self, bench):
        schema = bench.next_schema()
        cost = limit.run(bench.server, bench.folder, schema, bench.dim)
        bench.check_count(schema)
        return cost


class Vecferry:
    """`seconds` is the copy alone, as vecferry's report has it; plan and finish (where keys are made) stand beside."""
    name, note = "vecferry", "migrate copy --no-indexes --no-verify, its seconds.copy"

    def missing(self, bench):
        return None if os.access(bench.vecferry, os.X_OK) else f"{bench.vecferry} is not built (cmake --build build)"

    def run(self, bench):
        schema = bench.next_schema()
        bench.server.fresh_schema(schema)
        cost, report = migrate(bench, bench.store, schema, ["--vector-column", f"memories.vector:{bench.dim}"])
        bench.check_count(schema)
        self._check_table(bench, schema)
        if report["totals"]["inserted"] != bench.rows:
            raise BenchError(f"vecferry reports {report['totals']['inserted']} rows inserted, expected {bench.rows}")
        return cost

    @staticmethod
    def _check_table(bench, schema):
        found = bench.server.query("SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute WHERE"
                                   f" attrelid = '{schema}.memories'::regclass AND attnum > 0 ORDER BY attnum")
        expected = [f"{name} {kind}" for name, kind in store.columns(bench.dim)]
        if found.split("\n") != expected:
            raise BenchError(f"vecferry's table differs from the limit's:\n  {found.split(chr(10))}\n  {expected}")


class Vestige:
    """Beside the comparison: all rows of all tables of a Vestige-shaped store with as many memories."""
    name, note = "vestige", "Vestige-shaped store: all tables, embeddings in two of them"

    missing = Vecferry.missing

    def __init__(self):
        self.rows = self.bytes = 0

    def run(self, bench):
        schema = bench.next_schema()
        bench.server.fresh_schema(schema)
        cost, report = migrate(bench, os.path.join(bench.folder, "vestige.db"), schema, [])
        self.rows, self.bytes = report["totals"]["inserted"], report["totals"]["bytes"]
        return cost


def migrate(bench, sqlite_path, schema, options, codes=(0,)):
    """One `vecferry migrate copy` into a new schema; returns its Cost and its report."""
    report_path = bench.log("vecferry", ".report.json")
    cost = measure.run(
        [bench.vecferry, "migrate", "copy", "--from", "sqlite", "--to", "postgres", "--sqlite-path", sqlite_path,
         "--postgres-url", bench.server.url, "--schema", schema, "--no-indexes", "--no-verify", "--progress", "none",
         "--report", report_path] + options, bench.log("vecferry"), codes, env=environment())
    with open(report_path, encoding="utf-8") as file:
        report = json.load(file)
    return dataclasses.replace(cost, seconds=report["seconds"]["copy"]), report


class Pgloader:
    """pgloader knows no vectors: they land as bytea. Its own total is taken, without its start."""
    name, note = "pgloader", "vectors land as bytea"

    def missing(self, _bench):
        return "not installed (tools/setup --bench)" if shutil.which("pgloader") is None else None

    def run(self, bench):
        schema = bench.next_schema()
        bench.server.fresh_schema(schema)
        bench.server.query(f"CREATE SCHEMA {schema}")
        script, log = bench.log("pgloader", ".load"), bench.log("pgloader")
        with open(script, "w", encoding="utf-8") as file:
            # Small batches: with its defaults pgloader can exhaust its heap on wide rows.
            file.write(f"""LOAD DATABASE FROM sqlite://{bench.store}
  INTO postgresql://{bench.server.account.pw_name}@unix:{bench.server.socket}:5432/bench
  WITH create tables, create no indexes, reset no sequences, no foreign keys, workers = 2, concurrency = 1,
       batch rows = 500, batch size = 4MB, prefetch rows = 2000
  SET search_path to '{schema}', client_min_messages to 'warning';
""")
        cost = measure.run(["pgloader", "--root-dir", bench.log("pgloader", ".d"), script], log, env=environment())
        bench.check_count(schema)
        with open(log, encoding="utf-8") as file:
            total = re.search(r"Total import time.*?(?:(\d+)m)?([\d.]+)s\s*$", file.read(), re.M)
        if total is None:
            raise BenchError(f"pgloader printed no total; the end of {log}:\n{tail(log)}")
        return dataclasses.replace(cost, seconds=int(total[1] or 0) * 60 + float(total[2]))


class Script:
    """A peer that is a Python program here; it prints its seconds."""

    def __init__(self, name, note, script, needs=None):
        self.name, self.note, self.needs = name, note, needs
        self.script = os.path.join(HERE, script)

    def _python(self):
        for python in (sys.executable, "/usr/bin/python3"):
            if self.needs is None or subprocess.run([python, "-c", f"import {self.needs}"], check=False,
                                                    stderr=subprocess.DEVNULL).returncode == 0:
                return python
        return None

    def missing(self, _bench):
        return None if self._python() else f"python3-{self.needs} is not installed (tools/setup --bench)"

    def run(self, bench):
        schema = bench.next_schema()
        bench.server.fresh_schema(schema, store.columns(bench.dim))
        log = bench.log(self.name)
        cost = measure.run([self._python(), self.script, bench.store, bench.server.conninfo, f"{schema}.memories"], log,
                           env=environment())
        bench.check_count(schema)
        with open(log, encoding="utf-8") as file:
            return dataclasses.replace(cost, seconds=float(file.read()))


PEERS = [Pgloader(),
         Script("prepared", "prepared INSERT a row, 500 a transaction, libpq", "peer_prepared.py"),
         Script("python", "sqlite3 + psycopg2 execute_values", "peer_python.py", needs="psycopg2")]
NAMES = ["limit", "vecferry", "pgloader", "prepared", "python", "vestige"]
