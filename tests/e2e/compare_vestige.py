"""Compares a Vestige-shaped SQLite file with the schema that it was carried into, by plain SQL on both sides.

Usage: compare_vestige.py SQLITE_FILE CONNINFO SCHEMA
Every row and every column of every source table must be found again: vectors bit-equal to the blobs, times equal to the
microsecond (half to even), JSON equal as JSON, text and numbers equal. Reads neither the ledger nor a report.
Prints one line a table; exit 1 with the first differences when something is missing or differs.
"""
import csv
import datetime
import io
import json
import re
import sqlite3
import struct
import subprocess
import sys
from fractions import Fraction

RENAMED_TABLES = {"memory_connections": "edges", "node_embeddings": "knowledge_node_embeddings",
                  "embedding_profile_vectors": "knowledge_node_embeddings"}
RENAMED_COLUMNS = {("memory_connections", "link_type"): "edge_type", ("memory_connections", "strength"): "weight",
                   ("node_embeddings", "dimensions"): "declared_dimension",
                   ("embedding_profile_vectors", "dimensions"): "declared_dimension"}
DERIVED = re.compile(r"knowledge_fts|sqlite_")
# Which destination rows came from a source table, where several share one destination.
ORIGIN = {name: f"WHERE origin = '{name}'" for name in ("node_embeddings", "embedding_profile_vectors")}


def psql(conninfo, sql):
    """Rows of one query as lists of text; NULL is None, read through CSV so that '' and NULL stay apart."""
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", conninfo, "-c",
                           f"COPY ({sql}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL '\\N')"],
                          capture_output=True, text=True, env={**__import__("os").environ, "PGCLIENTENCODING": "UTF8",
                                                               "PGTZ": "UTC", "PGDATESTYLE": "ISO"})
    if done.returncode != 0:
        raise SystemExit(f"psql: {done.stderr.strip()}")
    csv.field_size_limit(1 << 30)
    return [[None if value == "\\N" else value for value in row] for row in csv.reader(io.StringIO(done.stdout))]


def microseconds(text):
    """Microseconds since 1970 of an RFC 3339 or SQLite time, half to even."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?\s*(Z|[+-]\d\d(?::?\d\d)?)?", text)
    if not match:
        return None
    day, clock, fraction, offset = match.groups()
    base = datetime.datetime.fromisoformat(f"{day}T{clock}+00:00")
    seconds = int((base - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)).total_seconds())
    if offset and offset != "Z":
        sign = -1 if offset[0] == "-" else 1
        digits = offset[1:].replace(":", "").ljust(4, "0")
        seconds -= sign * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
    exact = Fraction(seconds) * 1_000_000
    if fraction:
        exact += Fraction(int(fraction), 10 ** len(fraction)) * 1_000_000
    return round(exact)  # Fraction rounds half to even


def select_expression(name, pg_type):
    """How a destination column is read so that nothing is lost on the way to text."""
    quoted = f'"{name}"'
    if pg_type.startswith("vector"):
        return f"encode(vector_send({quoted}), 'hex')"
    if pg_type == "bytea":
        return f"encode({quoted}, 'hex')"
    if pg_type == "timestamp with time zone":
        return f"(extract(epoch from {quoted}) * 1000000)::numeric(30,0)::text"
    if pg_type in ("text[]", "uuid[]"):
        return f"to_jsonb({quoted})::text"
    return f"{quoted}::text"


def source_value(value, pg_type):
    """The source's value in the form that select_expression reads."""
    if value is None:
        return None
    if pg_type.startswith("vector"):
        if len(value) == 0:
            return None
        count = len(value) // 4
        floats = struct.unpack(f"<{count}f", value)
        return (struct.pack(">hh", count, 0) + struct.pack(f">{count}f", *floats)).hex()
    if pg_type == "bytea":
        return value.hex()
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if pg_type == "timestamp with time zone":
        return str(microseconds(value))
    if pg_type in ("jsonb", "text[]", "uuid[]"):
        return json.dumps(json.loads(value), sort_keys=True)
    if pg_type == "boolean":
        return "true" if int(value) else "false"
    if pg_type == "double precision":
        return float(value).hex()
    return str(value)


def destination_value(value, pg_type):
    if value is None:
        return None
    if pg_type in ("jsonb", "text[]", "uuid[]"):
        return json.dumps(json.loads(value), sort_keys=True)
    if pg_type == "double precision":
        return float(value).hex()
    return value


def compare_table(source, conninfo, schema, table):
    destination = RENAMED_TABLES.get(table, table)
    types = dict(psql(conninfo, f"SELECT a.attname, regexp_replace(format_type(a.atttypid, NULL), '^.*[.]', '') "
                                f"FROM pg_attribute a WHERE a.attrelid = '{schema}.{destination}'::regclass "
                                f"AND a.attnum > 0 AND NOT a.attisdropped"))
    columns = [row[1] for row in source.execute(f'PRAGMA table_xinfo("{table}")')]
    pairs = []
    for column in columns:
        name = RENAMED_COLUMNS.get((table, column), column)
        if name not in types:
            return [f"{table}.{column}: no column {destination}.{name}"]
        pairs.append((column, name, types[name]))
    selected = ", ".join(select_expression(name, kind) for _, name, kind in pairs)
    arrived = psql(conninfo, f'SELECT {selected} FROM "{schema}"."{destination}" {ORIGIN.get(table, "")}')
    arrived = sorted((tuple(destination_value(value, kind) for value, (_, _, kind) in zip(row, pairs))
                      for row in arrived), key=repr)
    names = ", ".join(f'"{column}"' for column in columns)
    expected = sorted((tuple(source_value(value, kind) for value, (_, _, kind) in zip(row, pairs))
                       for row in source.execute(f'SELECT {names} FROM "{table}"')), key=repr)
    if expected == arrived:
        print(f"{table} -> {destination}: {len(expected)} rows, {len(columns)} columns equal")
        return []
    missing = [row for row in expected if row not in arrived][:2]
    unexpected = [row for row in arrived if row not in expected][:2]
    return [f"{table}: {len(expected)} rows in the source, {len(arrived)} at the destination",
            *(f"  missing    {str(row)[:1500]}" for row in missing),
            *(f"  unexpected {str(row)[:1500]}" for row in unexpected)]


def compare_derived(source, conninfo, schema, active_is_newer):
    """The second destinations of a memory: its main embedding and its schedule."""
    problems = []
    tables = {row[0] for row in source.execute("SELECT name FROM sqlite_master")}
    if "node_embeddings" in tables and not active_is_newer:
        vectors = dict(source.execute("SELECT node_id, embedding FROM node_embeddings"))
        arrived = dict(psql(conninfo, f"SELECT id::text, encode(vector_send(embedding), 'hex') FROM "
                                      f"{schema}.knowledge_nodes WHERE embedding IS NOT NULL"))
        expected = {key: source_value(value, "vector") for key, value in vectors.items()}
        if expected != arrived:
            problems.append(f"main embeddings: {len(expected)} expected, {len(arrived)} arrived, or bits differ")
    for column, name in (("stability", "stability"), ("difficulty", "difficulty"),
                         ("retention_strength", "retrievability")):
        expected = {key: float(value).hex() for key, value in
                    source.execute(f"SELECT id, {column} FROM knowledge_nodes WHERE {column} IS NOT NULL")}
        arrived = {key: float(value).hex() for key, value in
                   psql(conninfo, f"SELECT memory_id::text, {name}::text FROM {schema}.scheduling "
                                  f"WHERE {name} IS NOT NULL")}
        if expected != arrived:
            problems.append(f"scheduling.{name}: differs from knowledge_nodes.{column}")
    return problems


def main():
    path, conninfo, schema = sys.argv[1:4]
    source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tables = [row[0] for row in source.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")]
    problems = []
    for table in tables:
        if not DERIVED.match(table):
            problems += compare_table(source, conninfo, schema, table)
    newer = "embedding_profile_vectors" in tables
    problems += compare_derived(source, conninfo, schema, newer)
    print("\n".join(problems), file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
