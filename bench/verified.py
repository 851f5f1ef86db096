"""What a proof costs: `vecferry verify` at level full, without recall, against the copy stage of the same rows."""
import json
import os
import statistics

import measure
import store
from contenders import migrate
from measure import BenchError
from server import environment


def verify(bench, migration_id, schema):
    """Its Cost; `seconds` as its report has them."""
    path = bench.log("verify", ".report.json")
    cost = measure.run([bench.vecferry, "verify", migration_id, "--postgres-url", bench.server.url, "--recall-queries", "0",
                        "--progress", "none", "--report", path], bench.log("verify"), env=environment())
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    equal = [check for check in report["checks"] if check["name"] == "rows_equal"]
    if report["state"] != "VERIFIED" or equal[0]["actual"] != f"{bench.rows} equal":
        raise BenchError(f"{schema}: {report['state']}, {equal}")
    cost.seconds = report["seconds"]["verify"]
    return cost


def run(bench, pairs, rest, say):
    """Prints the ratios of verification to copy."""
    os.makedirs(bench.folder, exist_ok=True)
    if not os.path.exists(bench.store):
        say(f"writing the store {bench.store}")
        store.make_sqlite(bench.store, bench.rows, bench.dim)
    os.utime(bench.store, (rest, rest))
    taken = []
    for _ in range(pairs):
        schema = bench.next_schema()
        bench.server.fresh_schema(schema)
        copied, report = migrate(bench, bench.store, schema, ["--vector-column", f"memories.vector:{bench.dim}"])
        taken.append((copied, verify(bench, report["migration_id"], schema)))
    ratios = [verified.seconds / copied.seconds for copied, verified in taken]
    print(f"{bench.rows:,} rows x {bench.dim}: copy {statistics.median(copied.seconds for copied, _ in taken):.2f} s, verify "
          f"{statistics.median(verified.seconds for _, verified in taken):.2f} s, ratio {statistics.median(ratios):.2f} "
          f"({min(ratios):.2f}-{max(ratios):.2f}, {pairs}), peak {max(verified.peak_bytes for _, verified in taken) / 1e6:.0f} MB")
