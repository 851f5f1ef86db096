"""Says by plain SQL on both sides what of a SQLite file did not arrive as it should. Reads neither ledger nor report."""
import datetime
import hashlib
import json
import re
import struct
import uuid
from fractions import Fraction

NAMESPACE = uuid.UUID("bbada3e7-23d4-5350-af54-67cc01d8ddea")


class Text(bytes):
    """A TEXT value with its bytes as they are, valid or not."""


class Expected(str):
    """A destination value in the form that `arrived` gives, in place of a damaged source value."""


def memory_id(value):
    """The UUID that an id leads to, by Python's own uuid module."""
    if isinstance(value, bytes) and not isinstance(value, Text):
        return str(uuid.uuid5(NAMESPACE, "blob:" + value.hex()))
    try:
        text = value.decode()
    except UnicodeDecodeError:  # uuid5 takes no such name: the same, by RFC 4122
        return str(uuid.UUID(bytes=hashlib.sha1(NAMESPACE.bytes + value).digest()[:16], version=5))
    if re.fullmatch(r"\{?([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}\}?", text):
        return str(uuid.UUID(text))
    return str(uuid.uuid5(NAMESPACE, text))


def microseconds(text):
    """Since 1970, half to even."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?", text)
    day, clock, fraction, offset = match.groups()
    base = datetime.datetime.fromisoformat(f"{day}T{clock}+00:00")
    seconds = (base - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(seconds=1)
    if offset and offset != "Z":
        seconds -= int(offset[0] + "1") * (int(offset[1:3]) * 3600 + int(offset[4:6]) * 60)
    return str(round((Fraction(seconds) + Fraction(int(fraction or 0), 10 ** len(fraction or ""))) * 1_000_000))


def epoch_microseconds(number):
    return str(round(Fraction(repr(number)) * (1000 if abs(number) >= 100_000_000_000 else 1_000_000)))


def canonical_json(text):
    return json.dumps(json.loads(text), sort_keys=True)


def expected(value, kind):
    """A source value as a destination column of this type must hold it."""
    if value is None or isinstance(value, Expected):
        return value
    if kind.startswith("vector"):
        numbers = json.loads(value) if isinstance(value, Text) else struct.unpack(f"<{len(value) // 4}f", value)
        return struct.pack(f">HH{len(numbers)}f", len(numbers), 0, *numbers).hex()
    if kind == "bytea":
        return value.hex()
    if kind == "uuid":
        return memory_id(value)
    if kind == "timestamp with time zone":
        return microseconds(value.decode()) if isinstance(value, Text) else epoch_microseconds(value)
    if kind in ("jsonb", "text[]"):
        return canonical_json(value)
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "double precision":
        return struct.pack(">d", float(value)).hex()
    return value.decode() if isinstance(value, bytes) else str(value)


READ = {"vector": "encode(public.vector_send({}), 'hex')", "bytea": "encode({}, 'hex')", "text[]": "to_jsonb({})::text",
        "timestamp with time zone": "(extract(epoch from {}) * 1000000)::numeric(30,0)::text",
        "double precision": "encode(float8send({}), 'hex')"}


def arrived(server, database, table, columns, where="true"):
    """({column: type}, rows) of a destination table, as text that loses nothing."""
    types = dict(server.query(database, "SELECT a.attname, regexp_replace(format_type(a.atttypid, NULL), '^.*[.]', '') "
                                        f"FROM pg_attribute a WHERE a.attrelid = 'public.\"{table}\"'::regclass "
                                        "AND a.attnum > 0 AND NOT a.attisdropped"))
    selected = ", ".join(READ.get(types[name], "{}::text").format(f'"{name}"') for name in columns)
    rows = server.query(database, f'SELECT {selected} FROM public."{table}" WHERE {where}')
    return types, [tuple(canonical_json(value) if value is not None and types[name] in ("jsonb", "text[]") else value
                         for name, value in zip(columns, row)) for row in rows]


def differences(server, database, rows, table, columns, where="true"):
    """`rows`: tuples of source values or Expected, one for each of `columns`, the destination's names."""
    types, there = arrived(server, database, table, columns, where)
    wanted = sorted((tuple(expected(value, types[name]) for name, value in zip(columns, row)) for row in rows), key=repr)
    if wanted == sorted(there, key=repr):
        return []
    problems = [f"{table}: {len(wanted)} rows expected, {len(there)} arrived"]
    missing, more = [row for row in wanted if row not in there], [row for row in there if row not in wanted]
    problems += [f"  missing {str(row)[:600]}" for row in missing[:3]]
    problems += [f"  arrived {str(row)[:600]}" for row in more[:3]]
    if missing and more:
        problems += [f"    {name}: {str(a)[:200]} | {str(b)[:200]}"
                     for name, a, b in zip(columns, missing[0], more[0]) if a != b]
    return problems
