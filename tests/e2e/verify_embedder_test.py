"""`vecferry verify --embedder`: vectors of another model, of the same dimension and stamped with the right name, come over
as they are, so that nothing but embedding their texts again can tell."""
import json
import pathlib
import sqlite3
import struct
import subprocess
import sys
import unittest
import urllib.request
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, run, scratch_folder  # noqa: E402

SUPPORT = pathlib.Path(__file__).resolve().parent.parent / "support"
SCHEMA = SUPPORT.parents[1] / "examples" / "vestige_v18.sql"
SERVER = Server()
FOLDER = scratch_folder()
STAMPED, OTHER = "test/model-a", "test/model-b"
AT = "2026-03-01T10:00:00+00:00"
TEXTS = [f"note {i} of {i * i} words" for i in range(60)]


class VerifyEmbedderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        service = subprocess.Popen([sys.executable, str(SUPPORT / "fake_embedder.py")], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(service.communicate)
        cls.address = f"{service.stdout.readline().strip()}/v1"

    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.path = FOLDER / f"{self.database}.db"

    def embed(self, model, texts=tuple(TEXTS)):
        """Each text's vector as a store keeps it."""
        request = urllib.request.Request(f"{self.address}/embeddings", json.dumps({"model": model, "input": texts}).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            vectors = [entry["embedding"] for entry in json.load(answer)["data"]]
        return [struct.pack(f"<{len(vector)}f", *vector) for vector in vectors]

    def make_vestige(self, vectors):
        with sqlite3.connect(self.path) as store:
            store.executescript(SCHEMA.read_text())
            store.execute("INSERT INTO schema_version VALUES (18, ?)", (AT,))
            store.execute("INSERT INTO embedding_model VALUES (1, ?, 64, 'h', ?)", (STAMPED, AT))
            for i, (text, vector) in enumerate(zip(TEXTS, vectors)):
                key = str(uuid.UUID(int=i, version=4))
                store.execute("INSERT INTO knowledge_nodes(id, content, node_type, created_at, updated_at, last_accessed, "
                              "has_embedding, embedding_model) VALUES (?, ?, 'fact', ?, ?, ?, 1, ?)",
                              (key, text, AT, AT, AT, STAMPED))
                store.execute("INSERT INTO node_embeddings(node_id, embedding, dimensions, model, created_at) VALUES "
                              "(?, ?, 64, ?, ?)", (key, vector, STAMPED, AT))
        store.close()

    def make_generic(self, vectors):
        with sqlite3.connect(self.path) as store:
            store.execute("CREATE TABLE notes(id INTEGER PRIMARY KEY, content TEXT, model TEXT, embedding BLOB)")
            store.executemany("INSERT INTO notes(content, model, embedding) VALUES (?, ?, ?)",
                              ((text, STAMPED, vector) for text, vector in zip(TEXTS, vectors)))
        store.close()

    def copy(self):
        """All that is there to be compared is the same: a copy proves it."""
        done = run(*copy_words(self.path, self.url))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("VERIFIED", done.stdout)

    def verify(self, code, *more):
        done = run("verify", "--postgres-url", self.url, "--embedder", self.address, "-o", "json", *more)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        report = json.loads(done.stdout)
        self.assertEqual(report["state"], "DIFFERENT" if code else "VERIFIED")
        return report

    def expect_another_model(self, report, table):
        failed = [(check["name"], check["table"]) for check in report["checks"] if check["verdict"] == "fail"]
        self.assertEqual(failed, [("model_sample", table)])
        self.assertEqual({(one["kind"], one["table"], one["columns"]) for one in report["differences"]},
                         {("signature", table, "embedding")})
        self.assertEqual(len(report["differences"]) + report["differences_more"], 20)
        self.assertIn(f"that {STAMPED} makes of the text", report["differences"][0]["detail"])

    def expect_the_same_model(self, report, table):
        samples = [(check["table"], check["verdict"]) for check in report["checks"] if check["name"] == "model_sample"]
        self.assertEqual(samples, [(table, "pass")])
        self.assertEqual(report["differences"], [])

    def test_another_model_under_the_right_name(self):
        self.make_vestige(self.embed(OTHER))
        self.copy()
        self.expect_another_model(self.verify(4), "knowledge_nodes")
        self.expect_another_model(self.verify(4, "--verify-level", "sample"), "knowledge_nodes")
        # Whoever knows better than the stamp asks for that model.
        self.expect_the_same_model(self.verify(0, "--embedder-model", OTHER), "knowledge_nodes")

    def test_the_model_that_is_stamped(self):
        self.make_vestige(self.embed(STAMPED))
        self.copy()
        self.expect_the_same_model(self.verify(0), "knowledge_nodes")

    def test_a_store_that_states_no_model(self):
        self.make_generic(self.embed(OTHER))
        self.copy()
        self.expect_another_model(self.verify(4, "--embedder-model", STAMPED), "notes")
        self.expect_the_same_model(self.verify(0, "--embedder-model", OTHER), "notes")

    def test_one_text_under_a_vector_of_another(self):
        """Every text is asked for: which one it is, is told."""
        vectors = self.embed(STAMPED)
        vectors[7] = vectors[8]
        self.make_generic(vectors)
        self.copy()
        report = self.verify(4, "--embedder-model", STAMPED, "--embedder-texts", str(len(TEXTS)))
        self.assertEqual([(one["kind"], one["key"]) for one in report["differences"]], [("signature", {"id": 8})])


unittest.main()
