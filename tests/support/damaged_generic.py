"""A store of no known kind with every damage of docs/interface.md section 4 that is not a profile's own."""
from damaged_store import DamagedStore, floats, text
from plain_compare import differences

ROW_BYTES_MAX = 3 << 20

SCHEMA = """
CREATE TABLE numbers(id INTEGER PRIMARY KEY, whole INTEGER, filled INTEGER NOT NULL DEFAULT 7, broken REAL,
                     amount NUMERIC, sure BOOLEAN, doubtful BOOLEAN);
CREATE TABLE texts(id INTEGER PRIMARY KEY, body TEXT, short VARCHAR(3), raw BLOB, filled TEXT NOT NULL DEFAULT 'x',
                   anything);
CREATE TABLE documents(id INTEGER PRIMARY KEY, good JSON, bad JSON);
CREATE TABLE moments(id INTEGER PRIMARY KEY, good DATETIME, bad DATETIME, seconds TIMESTAMP);
CREATE TABLE items(id INTEGER PRIMARY KEY, embedding BLOB);
CREATE TABLE mixed(id INTEGER PRIMARY KEY, embedding BLOB NOT NULL);
CREATE TABLE wide(id INTEGER PRIMARY KEY, embedding BLOB);
CREATE TABLE written(id INTEGER PRIMARY KEY, embedding TEXT);
CREATE TABLE names(name TEXT PRIMARY KEY, n INTEGER);
CREATE TABLE tuples(a TEXT, b INTEGER, c BLOB, PRIMARY KEY (a, b, c)) WITHOUT ROWID;
CREATE TABLE long_keys(name TEXT PRIMARY KEY, n INTEGER);
CREATE TABLE long_indexed(id INTEGER PRIMARY KEY, word TEXT);
CREATE INDEX long_indexed_word ON long_indexed(word);
CREATE TABLE people(id UUID PRIMARY KEY, name TEXT);
CREATE TABLE letters(id INTEGER PRIMARY KEY AUTOINCREMENT, person UUID REFERENCES people(id), body TEXT);
CREATE TABLE bare(a TEXT, b REAL);
"""
ODD_KEYS = {"a\ufffd": b"a\xff", "nul": b"n\0ul"}


class DamagedGeneric(DamagedStore):
    def __init__(self, path):
        super().__init__(path)
        self.connection.executescript(SCHEMA)
        for i in range(40):
            self.insert("texts", body=f"Nummer {i} – ✓", raw=bytes([i, 0, 255]), anything=i)
            self.insert("items", embedding=floats(i, -0.0, 0.1))
        self.checkpoint()
        self.add_values()
        self.add_vectors()
        self.add_keys()

    def spoil(self, table, column, value, kind, arrives, **more):
        row = self.insert(table, **{column: value}, **more)
        self.repaired(table, row, column, kind, **{table: arrives})

    def add_values(self):
        self.insert("numbers", whole=2 ** 53 + 1, broken=float("inf"), amount=2 ** 63 - 1, sure=1, doubtful=2)
        self.insert("numbers", whole=-2 ** 63, broken=float("-inf"), amount=0.1, sure=0, doubtful="maybe")
        self.insert("numbers", whole=" 12 ", broken=5e-324, amount="12.50", doubtful=0)
        self.insert("numbers", whole=1, broken="NaN", doubtful=None)
        self.insert("numbers", whole=4.0, broken=2 ** 53)
        self.insert("numbers", broken=-0.0)
        self.insert("numbers", broken=2.2250738585072014e-308)
        self.spoil("numbers", "whole", "many", "wrong_type", None)
        self.spoil("numbers", "whole", 2.5, "wrong_type", None)
        self.spoil("numbers", "whole", b"\x07", "wrong_type", None)
        self.spoil("numbers", "whole", float("inf"), "wrong_type", None)
        self.spoil("numbers", "filled", "none", "wrong_type", None)
        self.spoil("numbers", "broken", "broken", "wrong_type", None)
        self.spoil("numbers", "broken", b"\0", "wrong_type", None)

        self.insert("texts", body="", short="longer than three", raw="text in a blob column", anything=2.5)
        self.insert("texts", body=b"a blob that is text", raw=b"", anything="text")
        self.insert("texts", body="\U0001f600" * 1000, raw=None)
        self.spoil("texts", "body", text(b"a\0b\0"), "nul_in_text", "ab")
        self.spoil("texts", "body", text(b"\xed\xa0\x80x\xfe\0"), "invalid_utf8", "\ufffd\ufffd\ufffdx\ufffd")
        self.spoil("texts", "body", b"\xff", "wrong_type", None)
        self.spoil("texts", "raw", 12, "wrong_type", None)
        self.spoil("texts", "filled", b"\xff", "wrong_type", None)
        self.rejected("texts", self.insert("texts", body="y" * ROW_BYTES_MAX, raw=b"\0" * 9), "", "too_large")

        # A checked column takes its type only when all values fit: nothing is changed in one that damage has made text.
        for good, bad in (('{"a": [1, 2.50, "\\u00e4"]}', "{broken"), ("[]", '"\\u0000"'), ("null", '{"a": "\\udc00"}')):
            self.insert("documents", good=good, bad=bad)
        for good, bad, seconds in (("2026-03-01T10:00:00.123456+02:00", "", 1_772_000_000),
                                   ("2026-03-01 10:00:00", "2026-03-01T10:00:60Z", 1_772_000_000_123),
                                   ("0001-01-01T00:00:00Z", "+300000-01-01T00:00:00Z", 1_772_000_000.25),
                                   ("2026-03-01T10:00:00.1234565Z", "soon", 0)):
            self.insert("moments", good=good, bad=bad, seconds=seconds)
        self.rounded = 1

    def add_vectors(self):
        self.spoil("items", "embedding", b"\1\2\3", "vector_length", None)
        self.spoil("items", "embedding", b"", "vector_length", None)
        self.spoil("items", "embedding", floats(1, float("nan"), 1), "vector_not_finite", None)
        self.spoil("items", "embedding", floats(1, float("-inf"), 1), "vector_not_finite", None)
        self.spoil("items", "embedding", "[not a vector", "vector_not_blob", None)
        self.spoil("items", "embedding", 7, "vector_not_blob", None)
        self.insert("items", embedding="[1, 2, 0.5]")
        self.insert("items", embedding=floats(1e-45, 3.4e38, -1e-40))
        for dimension in (2, 3, 2001):
            self.insert("mixed", embedding=floats(*[0.5] * dimension))
        self.spoil("mixed", "embedding", b"\0", "vector_length", None)
        for dimension in (3, 17_000):
            self.insert("wide", embedding=floats(*[0.25] * dimension))
        self.insert("written", embedding="[1, 2.5, -3e-2]")

    def add_keys(self):
        for n, name in enumerate(("plain", "Ärger", "x" * 2000)):
            self.insert("names", name=name, n=n)
        for there, raw in ODD_KEYS.items():
            kind = "nul_in_text" if b"\0" in raw else "invalid_utf8"
            self.spoil("names", "name", text(raw), kind, there)
        self.rejected("names", self.insert("names", name=text(b"a\xfe")), "", "duplicate_key")
        for _ in range(2):
            self.rejected("names", self.insert("names", name=None), "name", "null_key")
        self.insert("tuples", a="a", b=2 ** 60, c=b"\0\xff")
        self.insert("tuples", a="", b=-1, c=b"")
        for n, name in enumerate(("k" * 3000, "short", None, None)):
            self.insert("long_keys", name=name, n=n % 3)
        self.insert("long_indexed", word="w" * 3000)
        for i in range(3):
            self.insert("people", id=f"5d4c3b2a-0000-4000-8000-00000000000{i}", name=str(i))
            self.insert("letters", person=f"5d4c3b2a-0000-4000-8000-00000000000{i}", body="dear")
        # Another spelling is no uuid: the column and what refers to it stay texts, and another text is another id.
        self.insert("people", id="{5D4C3B2A-0000-4000-8000-000000000001}", name="another text")
        for person in ("5d4c3b2a-0000-4000-8000-00000000000f", "5D4C3B2A-0000-4000-8000-000000000002"):
            self.rejected("letters", self.insert("letters", person=person), "", "foreign_key")
        self.connection.execute("UPDATE sqlite_sequence SET seq = 100")
        for a, b in (("same", 1.5), ("same", 1.5), (None, None)):
            self.insert("bare", a=a, b=b)

    def all_differences(self, server, database):
        tables = [row[0].decode() for row in self.connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'tuples'")]
        problems = differences(server, database, self.connection.execute("SELECT a, b, c FROM tuples"), "tuples",
                               ["a", "b", "c"])
        for table in tables:
            problems += self.differences(server, database, table)
        return problems
