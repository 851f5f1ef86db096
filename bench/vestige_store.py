"""A Vestige-shaped store of any size: the tables of schema version 18, the busiest of them filled."""
import datetime
import json
import os
import random
import sqlite3
import uuid

import store

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "examples", "vestige_v18.sql")
MODEL = "nomic-ai/nomic-embed-text-v1.5"
EDGES_PER_MEMORY = 2


def make_sqlite(path, count, dim):
    """Writes a store of `count` memories, beside it first: a file of this name is always whole."""
    partial = path + ".partial"
    if os.path.exists(partial):
        os.unlink(partial)
    database = sqlite3.connect(partial)
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    with open(SCHEMA, encoding="utf-8") as schema:
        database.executescript(schema.read())
    database.execute("BEGIN")
    _fill(database, count, dim)
    database.commit()
    database.close()
    os.rename(partial, path)


def _fill(database, count, dim):
    pick, vectors = random.Random(20240613), store.Vectors(dim, 20240614)
    now = datetime.datetime(2026, 3, 1)

    def moment(days):
        at = now - datetime.timedelta(microseconds=pick.randrange(days * 86400 * 10 ** 6))
        return f"{at.isoformat(timespec='microseconds')}{pick.randrange(1, 1000):03}+00:00"

    ids = [str(uuid.UUID(int=pick.getrandbits(128), version=4)) for _ in range(count)]
    database.execute("INSERT INTO schema_version VALUES (18, '2026-02-01 09:00:00')")
    database.execute("INSERT INTO embedding_model VALUES (1, ?, ?, ?, ?)", (MODEL, dim, "0" * 64, moment(300)))
    for number, memory in enumerate(ids):
        created = moment(300)
        tags = json.dumps(pick.sample(store.WORDS, pick.randrange(5)), separators=(",", ":"))
        database.execute(
            "INSERT INTO knowledge_nodes (id, content, node_type, created_at, updated_at, last_accessed, stability,"
            " difficulty, reps, lapses, learning_state, retention_strength, next_review, tags, has_embedding,"
            " embedding_model, source) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,1,?,?)",
            (memory, " ".join(pick.choices(store.WORDS, k=store.WORDS_PER_ROW)), pick.choice(store.TYPES), created,
             created, moment(60), pick.uniform(0.1, 30), pick.uniform(1, 10), pick.randrange(9), pick.randrange(3),
             pick.choice(["new", "learning", "review"]), pick.random(), moment(60), tags, MODEL, f"notes.md#L{number}"))
        database.execute("INSERT INTO node_embeddings VALUES (?, ?, ?, ?, ?, 1)",
                         (memory, store.little_endian(vectors.next()), dim, MODEL, created))
        database.execute("INSERT INTO memory_access_log (node_id, access_type, accessed_at) VALUES (?, ?, ?)",
                         (memory, pick.choice(["search_hit", "promote", "demote"]), moment(60)))
        if number % 2 == 0:
            database.execute("INSERT INTO memory_states (memory_id, last_access, state_entered_at) VALUES (?, ?, ?)",
                             (memory, moment(60), moment(300)))
        if number % 4 == 0:
            database.execute("INSERT INTO fsrs_cards (memory_id, difficulty, stability, last_review, due_date)"
                             " VALUES (?, ?, ?, ?, ?)",
                             (memory, pick.uniform(1, 10), pick.random(), moment(60), "2026-03-08T00:00:00+00:00"))
    edges = {(pick.choice(ids), pick.choice(ids)) for _ in range(count * EDGES_PER_MEMORY)}
    database.executemany(
        "INSERT INTO memory_connections VALUES (?, ?, ?, ?, ?, ?, ?)",
        ((source, target, pick.random(), pick.choice(["semantic", "causal", "temporal"]), moment(300), moment(60),
          pick.randrange(20)) for source, target in sorted(edges)))
