"""The stores that the benchmark carries: generic (8 columns), and the same rows ready-made as COPY BINARY."""
import array
import datetime
import json
import operator
import os
import random
import sqlite3
import struct
import uuid

WORDS = """agent answer archive batch branch bridge buffer build cache canary cell chapter client cluster column commit
context copy corner counter cursor customer dataset default delta deploy detail device draft edge editor engine entry
error event export factor feature field filter folder forest garden gateway graph group handle harbour header history
image import index input insight journal kernel label latency ledger letter library limit list local lookup margin
market memory message meter method mirror model module monitor network node note number object office offset option
order output owner packet page panel parcel parser path pattern payload person phase pilot pipeline policy port prompt
protocol queue quota range ratio reader record region release report request result review river route row sample
schedule schema script search sector session shard signal sketch snapshot socket source station storage stream string
summary switch system table target task tenant thread ticket token topic trace track update upload user value vector
version video view volume warning weather window wiring worker writer yard zone about after along because before
between during every first from into later never often only other over quickly since slowly some still that their then
there this through under until when where while with without""".split()
TYPES = ["fact", "note", "event", "decision", "procedure", "person", "pattern", "concept"]
CENTRES = 256          # vectors lie around so many centres
WORDS_PER_ROW = 60

SQLITE_DDL = """CREATE TABLE memories (
  id TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL, type TEXT NOT NULL, tags JSON NOT NULL, vector BLOB NOT NULL,
  created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL, metadata JSON NOT NULL)"""
COLUMNS = [("id", "text"), ("content", "text"), ("type", "text"), ("tags", "jsonb"), ("vector", "vector({dim})"),
           ("created_at", "timestamp with time zone"), ("updated_at", "timestamp with time zone"),
           ("metadata", "jsonb")]

COPY_SIGNATURE = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
COPY_END = struct.pack(">h", -1)
POSTGRES_EPOCH = datetime.datetime(2000, 1, 1)
FIRST_DAY = datetime.datetime(2025, 1, 1)


def columns(dim):
    """The destination's columns: [(name, type)]. vecferry's own table must have the same."""
    return [(name, kind.format(dim=dim)) for name, kind in COLUMNS]


class Vectors:
    """Endless vectors around CENTRES centres; the same seed gives the same vectors. Standard library only, so the noise
    of a vector is a slice, from a random place, of one long list of normal numbers."""

    def __init__(self, dim, seed):
        self.dim, self.random = dim, random.Random(seed)
        gauss = random.Random(seed + 1).gauss
        self.centres = [array.array("f", (gauss(0, 0.05) for _ in range(dim))) for _ in range(CENTRES)]
        self.noise = array.array("f", (gauss(0, 0.03) for _ in range(1_000_000 + dim)))

    def next(self):
        at = self.random.randrange(1_000_000)
        centre = self.centres[self.random.randrange(CENTRES)]
        return array.array("f", map(operator.add, centre, self.noise[at:at + self.dim]))


def little_endian(vector):
    if struct.pack("=h", 1) != struct.pack("<h", 1):
        vector = array.array("f", vector)
        vector.byteswap()
    return vector.tobytes()


def rows(count, dim):
    """Yields (id, content, type, tags, vector blob, created_at, updated_at, metadata) as SQLite holds them."""
    pick, vectors = random.Random(20240611), Vectors(dim, 20240612)
    for number in range(count):
        created = FIRST_DAY + datetime.timedelta(microseconds=pick.randrange(365 * 86400 * 10 ** 6))
        updated = created + datetime.timedelta(microseconds=pick.randrange(30 * 86400 * 10 ** 6))
        tags = json.dumps(pick.sample(WORDS, pick.randrange(5)), separators=(",", ":"))
        metadata = json.dumps({"n": number, "score": round(pick.random(), 4), "by": pick.choice(WORDS)})
        yield (str(uuid.UUID(int=pick.getrandbits(128), version=4)), " ".join(pick.choices(WORDS, k=WORDS_PER_ROW)),
               pick.choice(TYPES), tags, little_endian(vectors.next()),
               created.isoformat(timespec="microseconds") + "+00:00",
               updated.isoformat(timespec="microseconds") + "+00:00", metadata)


def make_sqlite(path, count, dim):
    """Writes the generic store, beside it first: a file of this name is always whole."""
    partial = path + ".partial"
    if os.path.exists(partial):
        os.unlink(partial)
    database = sqlite3.connect(partial)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    database.execute(SQLITE_DDL)
    database.executemany("INSERT INTO memories VALUES (?,?,?,?,?,?,?,?)", rows(count, dim))
    database.commit()
    database.close()
    os.rename(partial, path)


def _microseconds(text):
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=None)
    return (moment - POSTGRES_EPOCH) // datetime.timedelta(microseconds=1)


def binary_fields(row):
    """One SQLite row as its eight COPY BINARY fields."""
    vector = array.array("f", row[4])
    if struct.pack("=h", 1) == struct.pack("<h", 1):
        vector.byteswap()
    return [row[0].encode(), row[1].encode(), row[2].encode(), b"\x01" + row[3].encode(),
            struct.pack(">hh", len(vector), 0) + vector.tobytes(),
            struct.pack(">q", _microseconds(row[5])), struct.pack(">q", _microseconds(row[6])),
            b"\x01" + row[7].encode()]


def read_rows(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    yield from database.execute("SELECT id, content, type, tags, vector, created_at, updated_at, metadata"
                                " FROM memories ORDER BY rowid")
    database.close()


def write_copy_binary(sqlite_path, stream):
    """Writes the whole store as one COPY BINARY stream."""
    stream.write(COPY_SIGNATURE)
    for row in read_rows(sqlite_path):
        tuple_parts = [struct.pack(">h", 8)]
        for field in binary_fields(row):
            tuple_parts += (struct.pack(">i", len(field)), field)
        stream.write(b"".join(tuple_parts))
    stream.write(COPY_END)
