"""What it costs to run the parts as processes of their own, and to trace them: whole commands with their indexes and
checks, by turns with one command that does it all."""
import importlib.machinery
import importlib.util
import os
import resource
import statistics
import subprocess
import tempfile

import measure
from measure import BenchError
from server import environment

HERE = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS = 6  # both ways, so that neither has more sessions


def tool(name):
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, "..", "tools", name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def carry(bench, words, more, env):
    """Seconds of one whole command, which arrives in a schema of its own."""
    schema = bench.next_schema()
    bench.server.fresh_schema(schema)
    cost = measure.run(
        [bench.vecferry, "migrate", "copy", "--from", "sqlite", "--to", "postgres", "--sqlite-path", bench.store,
         "--schema", schema, "--vector-column", f"memories.vector:{bench.dim}", "--max-connections", str(CONNECTIONS),
         "--progress", "none", *words, *more], bench.log("vecferry"), env=env)
    bench.check_count(schema)
    return cost.wall_seconds


def alone(bench, more, env=None):
    """(seconds, CPU seconds) of the one command."""
    before = cpu_seconds()
    seconds = carry(bench, ["--postgres-url", bench.server.url], more, env or environment())
    return seconds, cpu_seconds() - before


def together(bench, count, more):
    """(seconds, CPU seconds) through `count` readers and as many writers; the CPU of all of them, from start to end."""
    before = cpu_seconds()
    with tempfile.TemporaryDirectory(prefix="vecferry-bench-", dir=bench.folder) as folder:
        services = tool("cluster").Cluster(folder, {"bench": bench.server.url}, readers=count, writers=count, streams=1,
                                           environment=environment())
        try:
            words = ["--coordinator", services.of("coordinator")[0].address, "--to-connection", "bench"]
            seconds = carry(bench, words, more, environment())
        finally:
            codes = services.stop()
    if any(codes.values()):
        raise BenchError(f"services ended with {codes}")
    return seconds, cpu_seconds() - before


def tell(name, pairs, figure):
    """`figure`: 0 = seconds, 1 = CPU seconds."""
    ratios = [second[figure] / first[figure] for first, second in pairs]
    print(f"{name:34}{statistics.median(first[figure] for first, _ in pairs):8.2f}"
          f"{statistics.median(second[figure] for _, second in pairs):8.2f}{statistics.median(ratios):8.3f} "
          f"({min(ratios):.2f}-{max(ratios):.2f}, {len(ratios)})", flush=True)


def by_turns(count, first, second):
    """Pairs, each of the two first in every other one."""
    pairs = []
    for number in range(count):
        if number % 2:
            later = second()
            pairs.append((first(), later))
        else:
            pairs.append((first(), second()))
    return pairs


def run(bench, pairs, count):
    """Prints the ratios of services to the one command, and of a traced command to one that is not."""
    collector_program = os.path.join(os.path.dirname(bench.vecferry), "..", "tests", "otlp_collector")
    if not os.path.exists(collector_program):
        raise BenchError(f"{collector_program} is not built (cmake --build build)")
    print(f"{bench.rows:,} rows: one way, the other, their ratio\n")
    for name, more in (("indexes and checks", []), ("without indexes", ["--no-indexes"])):
        taken = by_turns(pairs, lambda: alone(bench, more), lambda: together(bench, count, more))
        tell(f"{count}+{count} services, {name}: s", taken, 0)
        tell(f"{count}+{count} services, {name}: CPU s", taken, 1)
    with subprocess.Popen([collector_program, os.devnull], stdout=subprocess.PIPE, text=True) as collector:
        try:
            traced = {**environment(), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + collector.stdout.readline().split()[-1]}
            more = ["--no-indexes"]
            taken = by_turns(3 * pairs, lambda: alone(bench, more), lambda: alone(bench, more, traced))
        finally:
            collector.terminate()
    tell("traced command: CPU s", taken, 1)
