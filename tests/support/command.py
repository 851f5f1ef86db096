"""Runs the built command against a real PostgreSQL, for tests in Python. Standard library, psql and nothing else.

Environment: VECFERRY_BIN = the folder of the programs; VECFERRY_TEST_POSTGRES = a folder whose file `socket` names the
server's socket folder (ctest's fixture), else a server of its own is started and ends with this process.
"""
import atexit
import csv
import hashlib
import io
import json
import os
import pathlib
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = str(pathlib.Path(os.environ.get("VECFERRY_BIN", HERE.parent.parent / "build" / "bin")) / "vecferry")
csv.field_size_limit(1 << 30)


def keep(*words):
    """What postgres_server prints when it serves, until this process ends."""
    keeper = subprocess.Popen([str(HERE / "postgres_server"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    folder = keeper.stdout.readline().strip()
    if not folder:
        raise SystemExit("no PostgreSQL server could be started")

    def end():
        keeper.stdin.close()
        keeper.wait()
    atexit.register(end)
    return folder


class Server:
    """A PostgreSQL server reached by its socket folder; role vecferry is a superuser."""

    def __init__(self, without_vector=False, private=False, disk_mb=0, standby_of=None):
        """`disk_mb`: its folder `disk` is a file system of that size, which it alone sees."""
        shared = os.environ.get("VECFERRY_TEST_POSTGRES")
        options = ["--without-vector"] * without_vector
        options += ["--disk", str(disk_mb)] if disk_mb else []
        options += ["--standby-of", standby_of.socket] if standby_of else []
        if shared and not options and not private:
            self.socket = (pathlib.Path(shared) / "socket").read_text().strip()
            return
        self.socket = keep("run", *options)

    def restart(self, mode):
        """Of a private server. All sessions end; `immediate` is a crash."""
        subprocess.run([str(HERE / "postgres_server"), "restart", self.socket, mode], check=True)

    def url(self, database, user="vecferry", password=""):
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.socket}"

    def query(self, database, sql):
        """Rows of one query as lists of text; NULL is None."""
        text = self.psql(database, f"COPY ({sql}) TO STDOUT (FORMAT csv, FORCE_QUOTE *, NULL '\\N')")
        return [[None if value == "\\N" else value for value in row] for row in csv.reader(io.StringIO(text))]

    def psql(self, database, sql):
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", self.url(database), "-c", sql],
                              capture_output=True, text=True, env={**os.environ, "PGTZ": "UTC"}, check=False)
        if done.returncode != 0:
            raise AssertionError(f"psql: {done.stderr.strip()}\n{sql}")
        return done.stdout

    def make_database(self):
        """A new database with pgvector; dropped at exit."""
        name = f"t{os.getpid()}_{random.SystemRandom().randrange(1 << 32):x}"
        self.psql("postgres", f"CREATE DATABASE {name} TEMPLATE vecferry_template")
        atexit.register(lambda: self.psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        return name


def environment(**more):
    """Ours, without anything that names a destination."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("PG", "VECFERRY_")) and name not in ("NO_COLOR", "XDG_DATA_HOME")}
    return {**kept, **more}


def run(*words, env=None, stdin="", timeout=120):
    """Runs the command to its end."""
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, input=stdin, timeout=timeout,
                          env=environment() if env is None else env, check=False)


def report_of(words):
    """Runs a copy; what it printed, and its report (None when it wrote none)."""
    path = scratch_folder() / "report.json"
    done = run(*words, "--report", str(path))
    return done, json.loads(path.read_text()) if path.exists() else None


def copy_words(path, url, *more):
    return ["migrate", "copy", "--from", "sqlite", "--to", "postgres", "--sqlite-path", str(path),
            *(["--postgres-url", url] if url else []), *more]


def scratch_folder():
    """A folder that ends with this process; open to other accounts, for a server may have to work in it."""
    folder = tempfile.TemporaryDirectory(prefix="vecferry-e2e-")
    atexit.register(folder.cleanup)
    os.chmod(folder.name, 0o755)
    return pathlib.Path(folder.name)


def make_store(path, rows, seed=1, dimension=8, journal_mode="wal", words=40):
    """A small store with what matters to a transfer: vectors, a parent and its children, a table WITHOUT ROWID, one
    without a key, and one with text beyond ASCII. `words`: of a child at most."""
    picker = random.Random(seed)
    store = sqlite3.connect(path)
    store.execute(f"PRAGMA journal_mode = {journal_mode}")
    store.executescript("""
        CREATE TABLE documents(id INTEGER PRIMARY KEY, title TEXT NOT NULL, score REAL, embedding BLOB);
        CREATE TABLE chunks(id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL REFERENCES documents(id),
                            body TEXT);
        CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
        CREATE TABLE events(kind TEXT, amount INTEGER);""")
    store.executemany("INSERT INTO documents VALUES (?, ?, ?, ?)", (
        (i, f"Dokument {i} – ✓", picker.random(), struct.pack(f"<{dimension}f", *(picker.random() for _ in range(dimension))))
        for i in range(1, rows + 1)))
    store.executemany("INSERT INTO chunks(document_id, body) VALUES (?, ?)", (
        (picker.randint(1, rows), "words " * picker.randint(1, words)) for _ in range(rows)))
    store.executemany("INSERT INTO settings VALUES (?, ?)", ((f"name {i}", str(i * i)) for i in range(rows // 10 + 1)))
    # Equal rows in a table without a key are several rows, not one.
    store.executemany("INSERT INTO events VALUES (?, ?)", ((picker.choice("abc"), picker.randint(1, 3))
                                                           for _ in range(rows // 5 + 1)))
    store.commit()
    store.close()


def compare_store(path, server, database, schema="public"):
    """Differences between a store of make_store and the schema it was carried into, by plain SQL; [] = none."""
    source = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    problems = []
    for table, columns in (("documents", ("id", "title", "score", "embedding")), ("chunks", ("id", "document_id", "body")),
                           ("settings", ("name", "value")), ("events", ("kind", "amount"))):
        selected = ", ".join("encode(vector_send(embedding), 'hex')" if name == "embedding" else f'"{name}"::text'
                             for name in columns)
        arrived = sorted(tuple(row) for row in server.query(database, f'SELECT {selected} FROM "{schema}"."{table}"'))
        expected = sorted(tuple(plain(value) for value in row)
                          for row in source.execute(f"SELECT {', '.join(columns)} FROM {table}"))
        if expected != arrived:
            missing, more = set(expected) - set(arrived), set(arrived) - set(expected)
            problems.append(f"{table}: {len(expected)} rows in the source, {len(arrived)} arrived; missing "
                            f"{sorted(missing)[:2]}, unexpected {sorted(more)[:2]}")
    source.close()
    return problems


def plain(value):
    """A source value as the destination's text form has it."""
    if isinstance(value, bytes):
        count = len(value) // 4
        return (struct.pack(">hh", count, 0) + struct.pack(f">{count}f", *struct.unpack(f"<{count}f", value))).hex()
    return None if value is None else str(value)


def file_hashes(path):
    """Of a store and its write-ahead log; a missing log counts as an empty one."""
    def of(name):
        return hashlib.sha256(pathlib.Path(name).read_bytes() if os.path.exists(name) else b"").hexdigest()
    return of(path), of(f"{path}-wal")


def heed_signals():
    """For tests that send signals: a command that starts with them ignored, as under nohup, would ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def error_lines(done):
    """What the command says went wrong: its own lines on stderr."""
    return [line for line in done.stderr.splitlines() if line.startswith("vecferry: ")]


if not os.access(PROGRAM, os.X_OK):
    sys.exit(f"{PROGRAM} is not built; set VECFERRY_BIN to the folder that holds it")
