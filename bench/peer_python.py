"""Peer: the script that most people write: sqlite3, psycopg2, execute_values, vectors as text.

Usage: peer_python.py SQLITE_FILE CONNINFO TABLE            prints the seconds from the first row to the commit
"""
import array
import sqlite3
import sys
import time

import psycopg2
from psycopg2.extras import execute_values

ROWS_PER_STATEMENT = 500


def main(sqlite_path, conninfo, table):
    source = sqlite3.connect(sqlite_path)
    destination = psycopg2.connect(conninfo)
    cursor = destination.cursor()
    started = time.monotonic()
    rows = source.execute("SELECT id, content, type, tags, vector, created_at, updated_at, metadata FROM memories")
    while batch := rows.fetchmany(ROWS_PER_STATEMENT):
        values = [row[:4] + ("[" + ",".join(map(str, array.array("f", row[4]))) + "]",) + row[5:] for row in batch]
        execute_values(cursor, f"INSERT INTO {table} (id, content, type, tags, vector, created_at, updated_at,"
                               " metadata) VALUES %s", values, page_size=ROWS_PER_STATEMENT)
    destination.commit()
    print(time.monotonic() - started)


if __name__ == "__main__":
    main(*sys.argv[1:])
