"""Collects the costs of all runs; prints the table and writes the JSON."""
import json
import os
import statistics
import subprocess


def machine(server):
    """What the figures depend on."""
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        memory = int(meminfo.readline().split()[1]) * 1024
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        models = [line.split(":", 1)[1].strip() for line in cpuinfo if line.startswith("model name")]
    return {"cores": os.cpu_count(), "cpu": models[0] if models else "?", "memory_bytes": memory,
            "postgres": server.query("SHOW server_version"),
            "pgvector": server.query("SELECT extversion FROM pg_extension WHERE extname = 'vector'"),
            "load_average_before": os.getloadavg()[0]}


def version(program):
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().split("\n")[0]


class Results:
    """Runs by contender, and pairs (limit, contender) whose rates are compared."""

    def __init__(self, rows, dim, row_bytes):
        self.rows, self.dim, self.row_bytes = rows, dim, row_bytes
        self.runs, self.ratios, self.notes, self.left_out, self.sizes = {}, {}, {}, {}, {}

    def add(self, contender, cost):
        self.runs.setdefault(contender.name, []).append(cost)
        self.notes[contender.name] = contender.note

    def add_pair(self, contender, limit_cost, cost):
        """A ratio of 1 is as fast as the limit, 0.5 half as fast."""
        self.add(contender, cost)
        self.ratios.setdefault(contender.name, []).append(limit_cost.seconds / cost.seconds)

    def summary(self, name):
        runs = self.runs[name]
        rows, row_bytes = self.sizes.get(name, (self.rows, self.row_bytes))
        seconds = statistics.median(cost.seconds for cost in runs)
        found = {"note": self.notes[name], "runs": len(runs), "rows": rows, "bytes": row_bytes,
                 "seconds_median": round(seconds, 4),
                 "rows_per_second": round(rows / seconds), "mb_per_second": round(row_bytes / seconds / 1e6, 1),
                 "cpu_seconds_median": round(statistics.median(cost.cpu_seconds for cost in runs), 3),
                 "peak_bytes_max": max(cost.peak_bytes for cost in runs), "each": [cost.as_json() for cost in runs]}
        if name in self.ratios:
            ratios = self.ratios[name]
            found["ratio_to_limit"] = {"median": round(statistics.median(ratios), 3), "min": round(min(ratios), 3),
                                       "max": round(max(ratios), 3), "pairs": len(ratios)}
        return found

    def as_json(self, machine_facts):
        return {"format": "vecferry.bench.v1", "machine": machine_facts, "rows": self.rows, "dim": self.dim,
                "contenders": {name: self.summary(name) for name in self.runs}, "left_out": self.left_out}

    def print(self, machine_facts):
        print(f"{self.rows:,} rows x vector({self.dim}), {self.row_bytes / 1e6:.0f} MB as COPY BINARY\n"
              f"{machine_facts['cores']} cores ({machine_facts['cpu']}), {machine_facts['memory_bytes'] / 2**30:.0f} GiB"
              f", PostgreSQL {machine_facts['postgres'].split()[0]}, pgvector {machine_facts['pgvector']}\n")
        print(f"{'':10}{'rows/s':>9}{'MB/s':>8}{'seconds':>9}{'CPU s':>8}{'peak MB':>9}"
              "  of the limit: median (min-max, pairs)")
        for name in self.runs:
            found = self.summary(name)
            ratio = found.get("ratio_to_limit")
            shown = "-" if ratio is None else (f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f}, "
                                               f"{ratio['pairs']})")
            print(f"{name:10}{found['rows_per_second']:>9,}{found['mb_per_second']:>8.1f}"
                  f"{found['seconds_median']:>9.2f}{found['cpu_seconds_median']:>8.2f}"
                  f"{found['peak_bytes_max'] / 1e6:>9.1f}  {shown:24} {found['note']}")
        for name, reason in self.left_out.items():
            print(f"{name:10}left out: {reason}")

    def write(self, path, machine_facts):
        with open(path + ".partial", "w", encoding="utf-8") as file:
            json.dump(self.as_json(machine_facts), file, indent=1)
            file.write("\n")
        os.replace(path + ".partial", path)
