"""Copies a store whose writer goes on all the time, killed at random places and resumed until the last run may end. What has
come is one instant of the source, exactly: the one after transaction N, where N is read at the destination.

Usage: live_store_test.py [--kills N] [--seed S]
The printed seed replays the choices; how far the writer is at each kill still depends on the machine.
"""
import argparse
import json
import pathlib
import random
import select
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, environment, run, scratch_folder  # noqa: E402
from plain_compare import differences  # noqa: E402

ACCOUNTS, MONEY = 40, 1000
TABLES = {"counter": ("id", "n"), "log": ("n", "what"), "giro": ("id", "amount"), "savings": ("id", "amount"),
          "items": ("id", "title", "embedding"), "notes": ("id", "item", "body"), "settings": ("name", "value"),
          "visits": ("kind", "amount"), "archive": ("id", "body")}

# Where a run dies; up to which pass. All are passed by every run of a store that was written since, in all of its tables
# but `archive`, and that is carried in batches of 20 rows.
POINTS = {"coordinator.after_lease": 8, "reader.before_send": 12, "reader.after_send": 12, "reader.before_complete": 8,
          "writer.before_copy": 8, "writer.in_copy": 8, "writer.after_copy_before_commit": 8,
          "writer.after_commit_before_ack": 8, "coordinator.before_finish": 1, "coordinator.in_finish": 9,
          "coordinator.after_step": 8, "coordinator.before_verify": 1, "coordinator.before_end_state": 1}


def make(path):
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode = wal")
    store.executescript("""
        CREATE TABLE counter(id INTEGER PRIMARY KEY, n INTEGER NOT NULL);
        CREATE TABLE log(n INTEGER PRIMARY KEY, what TEXT NOT NULL);
        CREATE TABLE giro(id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
        CREATE TABLE savings(id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
        CREATE TABLE items(id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, embedding BLOB);
        CREATE TABLE notes(id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES items(id), body TEXT);
        CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
        CREATE TABLE visits(kind TEXT, amount INTEGER);
        CREATE TABLE archive(id INTEGER PRIMARY KEY, body TEXT);
        INSERT INTO counter VALUES (1, 0);""")
    store.executemany("INSERT INTO giro VALUES (?, ?)", ((i, MONEY) for i in range(ACCOUNTS)))
    store.executemany("INSERT INTO savings VALUES (?, 0)", ((i,) for i in range(ACCOUNTS)))
    store.executemany("INSERT INTO archive VALUES (?, ?)", ((i, f"old {i}") for i in range(2000)))
    store.commit()
    for n in range(1, 301):
        transact(store, n)
    store.close()


def transact(store, n):
    """Transaction n: its number decides what it does, so that it can be done again elsewhere."""
    picker = random.Random(n)
    account, amount = picker.randrange(ACCOUNTS), picker.randint(-50, 50)
    store.execute("UPDATE counter SET n = ?", (n,))
    store.execute("INSERT INTO log VALUES (?, ?)", (n, f"moves {amount} in {account}"))
    store.execute("UPDATE giro SET amount = amount - ? WHERE id = ?", (amount, account))
    store.execute("UPDATE savings SET amount = amount + ? WHERE id = ?", (amount, account))
    vector = struct.pack("<4f", *(picker.random() for _ in range(4)))
    item = store.execute("INSERT INTO items(title, embedding) VALUES (?, ?)", (f"item of {n} ✓", vector)).lastrowid
    store.execute("INSERT INTO notes(item, body) VALUES (?, ?)", (item, "words " * picker.randint(1, 20)))
    store.execute("UPDATE notes SET body = body || ? WHERE item = ?", (n, item - 6))
    # The newest goes at once, some others later: their numbers must not come back.
    newest = store.execute("INSERT INTO items(title) VALUES ('gone')").lastrowid
    for gone in (newest, item - 100 if n % 2 == 0 else None):
        store.execute("DELETE FROM notes WHERE item = ?", (gone,))
        store.execute("DELETE FROM items WHERE id = ?", (gone,))
    store.execute("INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                  (f"name {picker.randrange(50)}", str(n)))
    # Equal rows of a table without a key are several rows.
    store.execute("INSERT INTO visits VALUES (?, ?)", (picker.choice("abc"), picker.randint(1, 3)))
    store.commit()


def write(path):
    """The writer: goes on until its standard input ends, with a moment for others after each transaction."""
    store = sqlite3.connect(path)
    n = store.execute("SELECT n FROM counter").fetchone()[0]
    while not select.select([sys.stdin], [], [], 0.004)[0]:
        n += 1
        transact(store, n)
    store.close()


def rows_of(store, table):
    return store.execute(f"SELECT {', '.join(TABLES[table])} FROM {table}").fetchall()


class Trial:
    def __init__(self, picker):
        self.picker, self.server = picker, Server()
        self.database = self.server.make_database()
        self.store, self.replica = scratch_folder() / "store.db", scratch_folder() / "replica.db"
        make(self.store)
        shutil.copy(self.store, self.replica)
        self.words = copy_words(self.store, self.server.url(self.database), "--progress", "none", "--batch-size", "20")

    def number(self):
        store = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)
        n = store.execute("SELECT n FROM counter").fetchone()[0]
        store.close()
        return n

    def die(self):
        """One run that does not live to its end, over a source that was written since the last."""
        point = self.picker.choice(list(POINTS))
        fault = f"{point}:{self.picker.randint(1, POINTS[point])}"
        done = run(*self.words, env=environment(VECFERRY_FAULT=fault))
        if done.returncode != -signal.SIGKILL:
            sys.exit(f"{fault} was not passed: exit code {done.returncode}, {done.stderr}")
        before = self.number()
        while self.number() < before + 2:
            pass
        return fault

    def finish(self):
        done = run(*self.words, "--report", "-")
        if done.returncode != 0:
            sys.exit(f"the last run ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def problems(self, report, kills):
        n = int(self.server.query(self.database, "SELECT n FROM counter")[0][0])
        expected = sqlite3.connect(self.replica)
        for number in range(301, n + 1):
            transact(expected, number)
        found = []
        for table, columns in TABLES.items():
            found += differences(self.server, self.database, rows_of(expected, table), table, columns)
        totals = self.server.query(self.database, "SELECT (SELECT sum(amount) FROM giro) + (SELECT sum(amount) FROM "
                                   "savings), (SELECT count(*) FROM log), (SELECT max(n) FROM log)")
        if totals != [[str(ACCOUNTS * MONEY), str(n), str(n)]]:
            found.append(f"money, transactions and the last one: {totals}, the counter says {n}")
        highest = expected.execute("SELECT seq FROM sqlite_sequence WHERE name = 'items'").fetchone()[0]
        following = self.server.query(self.database, "SELECT nextval(pg_get_serial_sequence('items', 'id'))")
        if following != [[str(highest + 1)]]:
            found.append(f"the next item gets number {following[0][0]}, the source's would get {highest + 1}")
        migrations = self.server.query(self.database, "SELECT count(*) FROM vecferry.migration")
        if (report["resumed"], migrations) != (kills, [["1"]]):
            found.append(f"{report['resumed']} resumptions, not {kills}, of {migrations} migrations")
        expected.close()
        return n, found

    def source_problems(self):
        """Of the source itself, when the writer has ended: nobody else wrote."""
        expected, source = sqlite3.connect(self.replica), sqlite3.connect(self.store)
        n = expected.execute("SELECT n FROM counter").fetchone()[0]
        for number in range(n + 1, source.execute("SELECT n FROM counter").fetchone()[0] + 1):
            transact(expected, number)
        return [f"the source's {table} changed" for table in TABLES
                if sorted(rows_of(expected, table)) != sorted(rows_of(source, table))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--write", metavar="STORE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        return write(options.write)
    print(f"seed {options.seed}", flush=True)
    trial = Trial(random.Random(options.seed))
    with subprocess.Popen([sys.executable, __file__, "--write", str(trial.store)], stdin=subprocess.PIPE) as writer:
        for kill in range(options.kills):
            fault = trial.die()
            print(f"kill {kill + 1}: {fault}, the writer at {trial.number()}", flush=True)
        report = trial.finish()
        writer.stdin.close()
    n, found = trial.problems(report, options.kills)
    found += trial.source_problems()
    if writer.returncode != 0:
        found.append(f"the writer ended with {writer.returncode}")
    if found:
        sys.exit(f"FAILED (seed {options.seed}): " + "\n".join(found))
    print(f"after {options.kills} kills: exactly the source after transaction {n}")


main()
