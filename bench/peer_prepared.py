"""Peer: prepared per-row INSERTs, 500 a transaction, straight through libpq (ctypes: nothing has to be installed).

Usage: peer_prepared.py SQLITE_FILE CONNINFO TABLE          prints the seconds from the first row to the last commit
"""
import ctypes
import sys
import time

import store

ROWS_PER_TRANSACTION = 500
COMMAND_OK, CONNECTION_OK = 1, 0


class Libpq:
    """The six calls that are needed, on one connection."""

    def __init__(self, conninfo):
        self.lib = lib = ctypes.CDLL("libpq.so.5")
        lib.PQconnectdb.restype = lib.PQexec.restype = lib.PQprepare.restype = ctypes.c_void_p
        lib.PQexecPrepared.restype = ctypes.c_void_p
        lib.PQerrorMessage.restype = ctypes.c_char_p
        self.connection = ctypes.c_void_p(lib.PQconnectdb(conninfo.encode()))
        if lib.PQstatus(self.connection) != CONNECTION_OK:
            self.fail()

    def fail(self):
        sys.exit("peer_prepared: " + self.lib.PQerrorMessage(self.connection).decode(errors="replace"))

    def check(self, result):
        if self.lib.PQresultStatus(ctypes.c_void_p(result)) != COMMAND_OK:
            self.fail()
        self.lib.PQclear(ctypes.c_void_p(result))

    def execute(self, sql):
        self.check(self.lib.PQexec(self.connection, sql))

    def prepare(self, name, sql):
        self.check(self.lib.PQprepare(self.connection, name, sql, 0, None))

    def execute_prepared(self, name, values, formats):
        count = len(values)
        self.check(self.lib.PQexecPrepared(self.connection, name, count, (ctypes.c_char_p * count)(*values),
                                           (ctypes.c_int * count)(*map(len, values)), formats, 0))


def main(sqlite_path, conninfo, table):
    database = Libpq(conninfo)
    names = ", ".join(name for name, _ in store.COLUMNS)
    places = ", ".join(f"${number}" for number in range(1, len(store.COLUMNS) + 1))
    database.prepare(b"row", f"INSERT INTO {table} ({names}) VALUES ({places})".encode())
    # Binary where it costs this side nothing more; the server's parsing of JSON is the same either way.
    formats = (ctypes.c_int * len(store.COLUMNS))(*[1] * len(store.COLUMNS))
    started = time.monotonic()
    database.execute(b"BEGIN")
    for number, row in enumerate(store.read_rows(sqlite_path), start=1):
        database.execute_prepared(b"row", store.binary_fields(row), formats)
        if number % ROWS_PER_TRANSACTION == 0:
            database.execute(b"COMMIT")
            database.execute(b"BEGIN")
    database.execute(b"COMMIT")
    print(time.monotonic() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
