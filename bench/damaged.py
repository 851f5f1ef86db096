"""What bad rows cost: a store with 1,000 of them among its rows, by turns with the same store without."""
import os
import random
import sqlite3
import statistics
import struct

from contenders import migrate
from measure import BenchError

BAD = 1000
DIM = 64
PARENTS = 10_000
DDL = """CREATE TABLE documents(id INTEGER PRIMARY KEY, title TEXT);
CREATE TABLE chunks(id INTEGER PRIMARY KEY, document_id INTEGER NOT NULL REFERENCES documents(id), body TEXT, metadata JSON,
                    created_at DATETIME, embedding BLOB)"""
# What stands at the destination before a merge.
EXISTING = """CREATE TABLE {schema}.documents(id bigint PRIMARY KEY, title text);
CREATE TABLE {schema}.chunks(id bigint PRIMARY KEY, document_id bigint NOT NULL REFERENCES {schema}.documents(id),
    body text CHECK (body <> 'refused'), metadata jsonb, created_at timestamptz, embedding vector(64))"""
# How a row (document_id, body, metadata, created_at, embedding) goes bad.
DAMAGES = {
    "orphan": lambda row: (row[0] + 10 * PARENTS, *row[1:]),
    "refused": lambda row: (row[0], "refused", *row[2:]),
    "nul": lambda row: (row[0], "nul\0inside", *row[2:]),
    "vector": lambda row: (*row[:4], row[4][:-1]),
}
# What is measured: name, damages, whether the tables exist.
CASES = (("mixed", ("orphan", "nul", "vector"), False), ("orphans", ("orphan",), False),
         ("refused, merge", ("refused",), True), ("orphans, merge", ("orphan",), True))


def make_sqlite(path, count, damages):
    """Beside it first: a file of this name is always whole."""
    partial = path + ".partial"
    if os.path.exists(partial):
        os.unlink(partial)
    pick = random.Random(20260101)
    bad = set(pick.sample(range(1, count + 1), BAD)) if damages else set()
    vectors = [struct.pack(f"<{DIM}f", *(pick.random() for _ in range(DIM))) for _ in range(1000)]

    def rows():
        for number in range(1, count + 1):
            row = (pick.randint(1, PARENTS), f"some words of chunk {number} " * 4, '{"a":1,"b":"x"}', "2025-01-01T00:00:00Z",
                   vectors[number % 1000])
            yield (number, *(DAMAGES[pick.choice(damages)](row) if number in bad else row))

    database = sqlite3.connect(partial)
    database.execute("PRAGMA journal_mode = OFF")
    database.executescript(DDL)
    database.executemany("INSERT INTO documents VALUES (?, ?)", ((n, f"document {n}") for n in range(1, PARENTS + 1)))
    database.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?)", rows())
    database.commit()
    database.close()
    os.rename(partial, path)


def carry(bench, path, existing):
    """Seconds of the whole command as its report has them, and how many rows it tells as bad."""
    schema = bench.next_schema()
    bench.server.fresh_schema(schema)
    if existing:
        bench.server.query(f"CREATE SCHEMA {schema}; " + EXISTING.format(schema=schema))
    _, report = migrate(bench, path, schema, ["--vector-column", f"chunks.embedding:{DIM}"], codes=(0, 3))
    return report["seconds"]["total"], report["totals"]["rejected"] + report["totals"]["repaired"]


def run(bench, pairs, rest, say):
    """Prints the ratios of damaged to clean."""
    os.makedirs(bench.folder, exist_ok=True)

    def store(name, damages):
        path = os.path.join(bench.folder, f"{name.replace(', merge', '')}-damaged.db")
        if not os.path.exists(path):
            say(f"writing the store {path}")
            make_sqlite(path, bench.rows, damages)
        os.utime(path, (rest, rest))
        return path

    clean = store("not", ())
    print(f"{bench.rows:,} rows, {BAD:,} of them bad: seconds of the whole command, and their ratio to the clean store's\n")
    for name, damages, existing in CASES:
        path = store(name, damages)
        taken = [(carry(bench, clean, existing), carry(bench, path, existing)) for _ in range(pairs)]
        ratios = [bad[0] / good[0] for good, bad in taken]
        if any(good[1] != 0 or bad[1] != BAD for good, bad in taken):
            raise BenchError(f"{name}: of {BAD} bad rows {taken[0][1][1]} were told")
        print(f"{name:16}{statistics.median(bad[0] for _, bad in taken):8.2f}{statistics.median(ratios):8.2f} "
              f"({min(ratios):.2f}-{max(ratios):.2f}, {pairs})")
