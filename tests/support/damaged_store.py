"""Stores that the tests damage, and what must become of each damage."""
import sqlite3
import struct

from plain_compare import Expected, Text, differences


class DamagedStore:
    """A WAL store of which a part is in the log only, as long as this object lives."""

    def __init__(self, path):
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA wal_autocheckpoint = 0")
        self.connection.text_factory = Text
        self.issues = []   # (table, rowid, key, column, kind, action, raw, raw format)
        self.changed = {}  # (destination table, rowid) -> {source column: Expected or None}
        self.gone = set()  # (table, rowid)

    def checkpoint(self):
        """What comes after this is in the log only."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def insert(self, table, **values):
        """Values: Python's own, or Sql. Returns the rowid."""
        parts = [value.text if isinstance(value, Sql) else "?" for value in values.values()]
        bound = [value for value in values.values() if not isinstance(value, Sql)]
        names = ", ".join(f'"{name}"' for name in values)
        return self.connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({", ".join(parts)})', bound).lastrowid

    def key(self, table, rowid):
        """The key as an issue names it: the primary key's columns, else the rowid."""
        columns = [row[1].decode() for row in sorted(self.connection.execute(f'PRAGMA table_info("{table}")'),
                                                     key=lambda row: row[5]) if row[5] > 0]
        if not columns:
            return {"rowid": rowid}
        selected = ", ".join(f'"{name}"' for name in columns)
        values = self.connection.execute(f'SELECT {selected} FROM "{table}" WHERE rowid = ?', (rowid,)).fetchone()
        return {name: key_value(value) for name, value in zip(columns, values)}

    def value(self, table, rowid, column):
        return self.connection.execute(f'SELECT "{column}" FROM "{table}" WHERE rowid = ?', (rowid,)).fetchone()[0]

    def repaired(self, table, rowid, column, kind, **arrives):
        """`arrives`: by destination table the value there, as `arrived` reads it; None = NULL. Without any, the
        ordinary rule gives it."""
        value = self.value(table, rowid, column)
        self.issues.append((table, rowid, self.key(table, rowid), column, kind, "repaired", *raw_of(value)))
        for destination, value in arrives.items():
            self.change(destination, rowid, column, value)

    def change(self, destination, rowid, column, value):
        self.changed.setdefault((destination, rowid), {})[column] = None if value is None else Expected(value)

    def rejected(self, table, rowid, column, kind):
        """The whole row, every column of it, stays behind."""
        row = self.connection.execute(f'SELECT * FROM "{table}" WHERE rowid = ?', (rowid,)).fetchone()
        self.issues.append((table, rowid, self.key(table, rowid), column, kind, "rejected", row, "sqlite-record"))
        self.gone.add((table, rowid))

    def columns(self, table):
        return [row[1].decode() for row in self.connection.execute(f'PRAGMA table_xinfo("{table}")')]

    def expected_rows(self, table, columns, destination):
        selected = ", ".join(f'"{name}"' for name in columns)
        for rowid, *values in self.connection.execute(f'SELECT rowid, {selected} FROM "{table}"'):
            if (table, rowid) in self.gone:
                continue
            changed = self.changed.get((destination, rowid), {})
            yield tuple(changed.get(name, value) for name, value in zip(columns, values))

    def differences(self, server, database, table, destination=None, renamed=None, where="true", columns=None):
        """`renamed`: {source column: destination column}; `columns`: of the source, all by default."""
        columns = columns or self.columns(table)
        names = [(renamed or {}).get(name, name) for name in columns]
        rows = self.expected_rows(table, columns, destination or table)
        return differences(server, database, rows, destination or table, names, where)


class Sql:
    """An expression in place of a value, for what Python cannot bind."""

    def __init__(self, text):
        self.text = text


def text(raw):
    """TEXT of any bytes."""
    return Sql(f"CAST(x'{raw.hex()}' AS TEXT)")


def floats(*numbers):
    return struct.pack(f"<{len(numbers)}f", *numbers)


def key_value(value):
    """As an issue's key writes it."""
    if isinstance(value, Text):
        try:
            if b"\0" not in value:
                return value.decode()
        except UnicodeDecodeError:
            pass
        return {"hex": value.hex(), "type": "text"}
    if value is None:
        return {"hex": "", "type": "null"}
    if isinstance(value, bytes):
        return {"hex": value.hex(), "type": "blob"}
    if isinstance(value, float):
        return {"hex": struct.pack(">d", value).hex(), "type": "real"}
    return value


def raw_of(value):
    if isinstance(value, Text):
        return bytes(value), "text"
    if isinstance(value, bytes):
        return value, "blob"
    if isinstance(value, float):
        return value, "real"
    return str(value).encode(), "integer"


def read_record(record):
    """The values of a record in SQLite's format."""
    def varint(at):
        number = 0
        for i in range(9):
            byte = record[at + i]
            if i == 8:
                return number << 8 | byte, at + 9
            number = number << 7 | byte & 0x7f
            if byte < 0x80:
                return number, at + i + 1
    end, at = varint(0)
    types, values = [], []
    while at < end:
        kind, at = varint(at)
        types.append(kind)
    for kind in types:
        length = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}.get(kind, (kind - 12) // 2)
        content, at = record[at:at + length], at + length
        if kind >= 12:
            values.append(Text(content) if kind % 2 else bytes(content))
        elif kind == 7:
            values.append(struct.unpack(">d", content)[0])
        else:
            values.append(None if kind == 0 else kind - 8 if kind >= 8 else int.from_bytes(content, "big", signed=True))
    assert at == len(record)
    return values
