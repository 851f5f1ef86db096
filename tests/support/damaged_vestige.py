"""A Vestige-shaped store with every damage of docs/interface.md section 4."""
import json
import pathlib
import random
import string
import uuid

from damaged_store import DamagedStore, Sql, floats, text
from plain_compare import canonical_json, expected, memory_id, microseconds

SCHEMA = pathlib.Path(__file__).resolve().parents[2] / "examples" / "vestige_v18.sql"
DIMENSION = 8
ROW_BYTES_MAX = 3 << 20
MODEL = "test/model-a"
INFINITE = floats(*[float("inf")] * DIMENSION)
CREATED, UPDATED, ACCESSED = "2026-03-01T10:00:00+00:00", "2026-03-02T10:00:00.5+00:00", "2026-03-03T10:00:00.123+00:00"
SPELLED, SPELLED_AGAIN = "{5D4C3B2A-0000-4000-8000-0000000000AA}", "5d4c3b2a000040008000-0000000000bb"
TWIN, TWIN_AGAIN = "5d4c3b2a-0000-4000-8000-0000000000cc", "5D4C3B2A-0000-4000-8000-0000000000CC"
NOBODY = "0b8d6c1e-0000-4000-8000-00000000000%d"


class DamagedVestige(DamagedStore):
    def __init__(self, path):
        super().__init__(path)
        self.random = random.Random(7)
        self.moved = {}  # rowid of a memory -> what its metadata must hold
        self.connection.executescript(SCHEMA.read_text())
        self.connection.executescript("""
            ALTER TABLE knowledge_nodes ADD COLUMN mood TEXT;
            ALTER TABLE knowledge_nodes ADD COLUMN keepsake BLOB;
            ALTER TABLE node_embeddings ADD COLUMN quality REAL;
            CREATE TABLE my_notes(note TEXT, memory TEXT, payload BLOB);""")
        self.insert("schema_version", version=18, applied_at="2026-01-01 00:00:00")
        self.insert("embedding_model", id=1, name=MODEL, dimension=DIMENSION, hash="h", created_at=CREATED)
        for _ in range(30):
            self.whole_memory()
        self.add_ids()
        self.checkpoint()
        self.add_texts()
        self.add_numbers()
        self.add_times()
        self.add_vectors()
        self.add_relations()
        self.add_others()

    def memory(self, **values):
        """Returns the rowid."""
        return self.insert("knowledge_nodes", **{
            "id": str(uuid.UUID(int=self.random.getrandbits(128), version=4)), "content": "some words",
            "node_type": "fact", "created_at": CREATED, "updated_at": UPDATED, "last_accessed": ACCESSED, **values})

    def id_of(self, rowid):
        return self.value("knowledge_nodes", rowid, "id").decode()

    def whole_memory(self):
        row = self.memory(tags='["a","b c"]', domain_scores='{"x": 0.25, "y": [1, null]}', stability=self.random.random(),
                          next_review="2026-04-01 08:00:00", mood="fine – ✓", keepsake=b"\0\xff", has_embedding=1)
        self.embedding(self.id_of(row), floats(*(self.random.random() for _ in range(DIMENSION))), quality=0.5)
        return row

    def embedding(self, node_id, value, **more):
        return self.insert("node_embeddings", **{"node_id": node_id, "embedding": value, "dimensions": DIMENSION,
                                                 "model": MODEL, "created_at": CREATED, **more})

    def edge(self, source, target, **more):
        return self.insert("memory_connections", **{"source_id": source, "target_id": target, "strength": 0.5,
                                                    "link_type": "semantic", "created_at": CREATED,
                                                    "last_activated": ACCESSED, **more})

    def repaired_id(self, row, kind):
        self.repaired("knowledge_nodes", row, "id", kind)
        key = self.key("knowledge_nodes", row)["id"]
        self.moved[row] = {"source_id": key}

    def add_ids(self):
        for odd in ("a", "not a uuid", text(b"\xff\xfeid"), b"\0\xff\x10", bytes(range(16))):
            self.repaired_id(self.memory(id=odd), "id_not_uuid")
        for spelled in (SPELLED, SPELLED_AGAIN):
            self.repaired_id(self.memory(id=spelled), "uuid_spelling")
        for _ in range(2):
            row = self.memory(id=None)
            self.rejected("knowledge_nodes", row, "id", "null_key")
        self.memory(id=TWIN)
        self.rejected("knowledge_nodes", self.memory(id=TWIN_AGAIN, content="the other twin"), "", "duplicate_key")

    def damaged(self, column, value, kind, arrives, **more):
        row = self.memory(**{column: value}, **more)
        self.repaired("knowledge_nodes", row, column, kind, knowledge_nodes=arrives)
        return row

    def long_text(self):
        """No btree entry can hold it, also compressed."""
        return "".join(self.random.choices(string.ascii_letters + string.digits, k=6000))

    def add_texts(self):
        self.damaged("content", text(b"a\0b"), "nul_in_text", "ab")
        self.damaged("content", text(b"a\xffb\xf0\x9f"), "invalid_utf8", "a\ufffdb\ufffd")
        self.damaged("mood", text(b"\xc3("), "invalid_utf8", "\ufffd(")
        self.damaged("mood", b"\xff\x00", "wrong_type", None)
        self.damaged("tags", '["open', "invalid_json", "[]")
        self.damaged("tags", '{"no": "array"}', "not_an_array", "[]")
        self.damaged("tags", '["a\\u0000b"]', "nul_in_text", '["ab"]')
        self.damaged("domain_scores", "{broken", "invalid_json", "{}")
        self.damaged("domain_scores", '{"a\\u0000": 1, "b": "\\ud800x", "c": 1e400000, "d": "\\ud83d\\ude00"}',
                     "json_not_jsonb",
                     canonical_json('{"a": 1, "b": "\\ufffdx", "c": "1e400000", "d": "\\ud83d\\ude00"}'))
        long_tag = "x" * 2500
        row = self.damaged("tags", json.dumps([long_tag, "short"]), "element_too_long", '["short"]')
        self.moved[row] = {"tags": [long_tag]}
        row = self.damaged("domains", json.dumps(["d" * 9000]), "element_too_long", "[]")
        self.moved[row] = {"domains": ["d" * 9000]}
        row = self.damaged("node_type", self.long_text(), "too_long", "general")
        self.moved[row] = {"node_type": self.value("knowledge_nodes", row, "node_type").decode()}
        # A tsvector of all of it would exceed 1 MB.
        self.memory(content=" ".join(f"word{i}" for i in range(120_000)))
        self.rejected("knowledge_nodes", self.memory(content="y" * (ROW_BYTES_MAX + 1)), "", "too_large")

    def add_numbers(self):
        row = self.memory(reps="many")
        self.repaired("knowledge_nodes", row, "reps", "wrong_type", knowledge_nodes=None, scheduling=None)
        row = self.memory(reps=2.5)
        self.repaired("knowledge_nodes", row, "reps", "wrong_type", knowledge_nodes=None, scheduling=None)
        row = self.memory(lapses=3_000_000_000)
        self.repaired("knowledge_nodes", row, "lapses", "out_of_range", scheduling=None)
        self.memory(times_retrieved=2 ** 53 + 1, times_useful=-2 ** 63, stability=float("inf"), difficulty=-0.0,
                    activation=5e-324, utility_score=float("-inf"), sentiment_score=1e308)
        self.memory(stability="NaN", activation=2 ** 53)
        row = self.memory(stability="strong")
        self.repaired("knowledge_nodes", row, "stability", "wrong_type", knowledge_nodes=None, scheduling=None)
        row = self.memory(protected="yes?")
        self.repaired("knowledge_nodes", row, "protected", "wrong_type", knowledge_nodes=None)

    def add_times(self):
        created, updated = microseconds(CREATED), microseconds(UPDATED)
        self.damaged("created_at", "", "empty_time", updated)
        self.damaged("updated_at", "yesterday", "unreadable_time", created)
        row = self.damaged("created_at", "never", "unreadable_time", "0", updated_at="")
        self.repaired("knowledge_nodes", row, "updated_at", "empty_time", knowledge_nodes="0")
        self.damaged("created_at", "2026-03-01T23:59:60+00:00", "leap_second", microseconds("2026-03-02T00:00:00"))
        self.damaged("created_at", "+294277-01-01T00:00:00Z", "time_out_of_range", updated)
        self.damaged("updated_at", b"\x01", "wrong_type", created)
        row = self.memory(last_accessed="")
        self.repaired("knowledge_nodes", row, "last_accessed", "empty_time", scheduling=None)
        row = self.memory(next_review="next week")
        self.repaired("knowledge_nodes", row, "next_review", "unreadable_time", scheduling=None)
        for good in ("2026-03-01T10:00:00.123456789+02:00", "2026-03-01T10:00:00.0000005Z",
                     "2026-03-01T10:00:00.0000015Z",
                     "2026-03-01 10:00:00", "2026-03-01 10:00:00.5", "2026-03-01T10:00:00-11:30"):
            self.memory(created_at=good)
        self.rounded = 3

    def add_vectors(self):
        def spoil(value, kind, **more):
            row = self.embedding(self.id_of(self.memory()), value, **more)
            if kind:
                self.repaired("node_embeddings", row, "embedding", kind, knowledge_node_embeddings=None)
        spoil(b"\1\2\3\4\5", "vector_length")
        spoil(b"", "vector_length")
        spoil(floats(1, float("nan")), "vector_not_finite")
        spoil(INFINITE, "vector_not_finite")
        spoil("not a blob", "vector_not_blob")
        spoil(floats(*[0.5] * 17_000), "vector_too_long")
        spoil(floats(1, 2, 3), None)
        spoil(floats(*[1] * 16), None, model="test/model-b", dimensions=16)
        spoil(floats(*[1e-45, -0.0, 3.4e38] + [0] * 5), None, dimensions=99)
        for odd in ("a", b"\0\xff\x10", SPELLED.lower()):
            self.embedding(odd, floats(*[0.25] * DIMENSION))
        self.embedding(TWIN_AGAIN, floats(*[0.125] * DIMENSION))
        self.rejected("node_embeddings", self.embedding(TWIN, floats(*[0.75] * DIMENSION)), "", "duplicate_key")
        self.rejected("node_embeddings", self.embedding(None, floats(*[0.75] * DIMENSION)), "node_id", "null_key")
        self.rejected("node_embeddings", self.embedding(NOBODY % 1, floats(1, 2)), "", "foreign_key")
        self.memory(has_embedding=1, embedding_model="a model without a row")

    def add_relations(self):
        one, other = self.id_of(1), self.id_of(2)
        for source, target in (("a", one), (one, b"\0\xff\x10"), (SPELLED.lower(), "a"), (TWIN_AGAIN, other)):
            self.edge(source, target)
        self.rejected("memory_connections", self.edge(TWIN, other, strength=0.25), "", "duplicate_key")
        for source, target in ((NOBODY % 2, one), (one, NOBODY % 3)):
            self.rejected("memory_connections", self.edge(source, target), "", "foreign_key")
        row = self.edge(one, other, strength="strong", last_activated="")
        self.repaired("memory_connections", row, "strength", "wrong_type", edges="3ff0000000000000")
        self.repaired("memory_connections", row, "last_activated", "empty_time", edges=None)
        self.edge(other, one, activation_count=2 ** 60)
        self.rejected("memory_connections", self.edge(other, other, link_type=self.long_text()), "link_type", "too_long")
        for memory in ("a", b"\0\xff\x10", SPELLED_AGAIN, TWIN_AGAIN, one):
            self.insert("memory_states", memory_id=memory, last_access="", state_entered_at=CREATED)
            self.insert("fsrs_cards", memory_id=memory)
            self.insert("memory_access_log", node_id=memory, access_type="read", accessed_at=CREATED)
        row = self.insert("memory_states", memory_id=NOBODY % 4, last_access=CREATED, state_entered_at=CREATED)
        self.rejected("memory_states", row, "", "foreign_key")
        self.rejected("fsrs_cards", self.insert("fsrs_cards", memory_id=NOBODY % 5), "", "foreign_key")

    def add_others(self):
        gone = self.insert("deletion_tombstones", memory_id="long gone", deleted_at=CREATED, node_type="fact")
        self.repaired("deletion_tombstones", gone, "memory_id", "id_not_uuid")
        self.insert("deletion_tombstones", memory_id=NOBODY % 6, deleted_at=CREATED, node_type="fact")
        self.insert("domains", id="d1", label="one", centroid=floats(1, 2, 3), created_at=CREATED)
        self.change("domains", self.insert("domains", id="d2", label="two", centroid=b"", created_at=CREATED), "centroid",
                    None)
        row = self.insert("domains", id="d3", label="three", centroid=b"\1\2\3", top_terms="[", created_at=CREATED)
        self.repaired("domains", row, "centroid", "vector_length", domains=None)
        self.repaired("domains", row, "top_terms", "invalid_json", domains="[]")
        for _ in range(2):
            self.insert("my_notes", note="twice", memory="a", payload=b"\0")
        row = self.insert("my_notes", note=text(b"n\0"), memory="a", payload=b"\1")
        self.repaired("my_notes", row, "note", "nul_in_text", my_notes="n")

    def all_differences(self, server, database):
        """Of every table of the source, and of what the profile derives."""
        renamed = {"link_type": "edge_type", "strength": "weight", "dimensions": "declared_dimension"}
        places = {"memory_connections": "edges", "node_embeddings": "knowledge_node_embeddings"}
        problems = []
        tables = [row[0].decode() for row in self.connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'knowledge_fts%' AND name NOT LIKE "
            "'sqlite_%'")]
        for table in tables:
            problems += self.differences(server, database, table, places.get(table), renamed)
        problems += self.differences(
            server, database, "knowledge_nodes", "scheduling",
            {"id": "memory_id", "retention_strength": "retrievability", "last_accessed": "last_review"},
            columns=["id", "stability", "difficulty", "retention_strength", "last_accessed", "next_review", "reps",
                     "lapses"])
        return problems + self.derived_differences(server, database)

    def derived_differences(self, server, database):
        """Main embeddings and metadata."""
        there = {key: (embedding, json.loads(metadata)) for key, embedding, metadata in server.query(
            database, "SELECT id::text, encode(vector_send(embedding), 'hex'), metadata::text FROM knowledge_nodes")}
        problems = []
        for rowid, identity, blob in self.connection.execute(
                "SELECT t.rowid, t.id, e.embedding FROM knowledge_nodes AS t LEFT JOIN node_embeddings AS e ON "
                "e.node_id = t.id AND e.model = ? AND typeof(e.embedding) = 'blob' AND length(e.embedding) = ? AND "
                "e.embedding <> ?", (MODEL, 4 * DIMENSION, INFINITE)):
            if ("knowledge_nodes", rowid) in self.gone:
                continue
            wanted = (expected(blob, "vector"), {"vecferry": self.moved[rowid]} if rowid in self.moved else {})
            if there[memory_id(identity)] != wanted:
                problems.append(f"{identity}: {str(there[memory_id(identity)])[:200]}, not {str(wanted)[:200]}")
        return problems
