"""`vecferry verify --repair`: rows that are missing or differ are carried again, exactly once, and nothing else is."""
import json
import pathlib
import sqlite3
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, environment, file_hashes, make_store, run, scratch_folder  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()
VESTIGE = pathlib.Path(__file__).resolve().parents[2] / "examples" / "vestige_v18.sql"
TABLES = ("documents", "chunks", "settings", "events")
DAMAGE = """
    DELETE FROM chunks WHERE id BETWEEN 10 AND 19;
    DELETE FROM settings WHERE name = 'name 3';
    UPDATE documents SET title = title || ' ' WHERE id = 7;
    UPDATE documents SET embedding = (SELECT embedding FROM documents WHERE id = 9) WHERE id = 8;
    UPDATE documents SET score = NULL WHERE id = 20;
    DELETE FROM events WHERE vecferry_occurrence = 2;"""


class VerifyRepairTest(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.store = FOLDER / f"{self.database}.db"
        make_store(self.store, 300)
        self.original = None

    def copy(self, *more):
        path = FOLDER / f"{self.database}.json"
        done = run(*copy_words(self.store, self.url, "--report", str(path), *more))
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.original = json.loads(path.read_text())["migration_id"]

    def verify(self, *words, code=0, env=None):
        words = ("--from", "sqlite", "--sqlite-path", str(self.store)) if self.original is None else (self.original,) + words
        before = file_hashes(self.store)
        done = run("verify", *words, "--postgres-url", self.url, "-o", "json", env=env)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(file_hashes(self.store), before)
        return json.loads(done.stdout) if done.stdout else None, done.stderr

    def versions(self):
        """Row versions by key's text: any write shows."""
        return {tuple(row[:2]): row[2] for table in TABLES for row in SERVER.query(
            self.database, f"SELECT '{table}', to_jsonb(t) #>> '{{}}', ctid::text || xmin FROM {table} t")}

    def states(self):
        return SERVER.query(self.database, "SELECT state FROM vecferry.migration ORDER BY started_at")

    def refuse_for_a_rejected_key(self, *more):
        """A copy rejects an orphan, under whose key another row comes to stand."""
        with sqlite3.connect(self.store) as store:
            store.executescript("CREATE TABLE people(id INTEGER PRIMARY KEY); CREATE TABLE notes(id INTEGER PRIMARY KEY, "
                                "person INTEGER REFERENCES people(id), body TEXT); INSERT INTO notes VALUES (4, 77, 'orphan')")
        store.close()
        SERVER.psql(self.database, "CREATE TABLE people(id bigint PRIMARY KEY); CREATE TABLE notes(id bigint PRIMARY KEY, "
                                   "person bigint REFERENCES people, body text)")
        path = FOLDER / "rejected.json"
        self.assertEqual(run(*copy_words(self.store, self.url, "--report", str(path), *more)).returncode, 3)
        self.original = json.loads(path.read_text())["migration_id"]
        SERVER.psql(self.database, "INSERT INTO people VALUES (77); INSERT INTO notes VALUES (4, 77, 'ours'); "
                                   "DELETE FROM chunks WHERE id = 5")
        _, errors = self.verify("--repair", code=4)
        self.assertIn("1 are still rejected", errors)
        self.assertEqual(SERVER.query(self.database, "SELECT body FROM notes"), [["ours"]])

    def test_carries_what_is_missing_or_differs_and_touches_nothing_else(self):
        self.copy()
        whole = self.versions()
        SERVER.psql(self.database, DAMAGE)
        damaged = self.versions()
        report, errors = self.verify("--repair", "--dry-run", code=4)
        self.assertIn("would be carried again", errors)
        kinds = [one["kind"] for one in report["differences"]]
        self.assertEqual((kinds.count("differing"), set(kinds)), (3, {"differing", "missing"}))
        self.assertEqual(self.versions(), damaged)
        self.assertEqual(self.states(), [["DIFFERENT"]])

        report, errors = self.verify("--repair")
        self.assertEqual((report["state"], report["migration_id"]), ("VERIFIED", self.original))
        missing = len(set(whole) - set(damaged)) - 3
        self.assertIn(f"{missing} that were missing, 3 that differed", errors)
        self.assertEqual(self.states(), [["VERIFIED"], ["COPIED"]])
        now = self.versions()
        self.assertEqual(set(now), set(whole))
        untouched = set(whole) & set(damaged)
        self.assertEqual({key: now[key] for key in untouched}, {key: whole[key] for key in untouched})

        report, _ = self.verify("--repair")
        self.assertEqual(self.states(), [["VERIFIED"], ["COPIED"]])
        self.assertEqual(self.versions(), now)

    def test_killed_anywhere_the_same_command_ends_it(self):
        self.copy("--no-verify")
        for point in ("coordinator.after_plan_store:1", "writer.after_copy_before_commit:1",
                      "writer.after_commit_before_ack:1", "writer.after_commit_before_ack:3",
                      "coordinator.before_finish:1", "coordinator.before_end_state:1"):
            with self.subTest(point=point):
                SERVER.psql(self.database, DAMAGE)
                self.verify("--repair", code=-9, env=environment(VECFERRY_FAULT=point))
                self.assertNotIn(self.states()[-1][0], ("COPIED", "VERIFIED"))
                report, errors = self.verify("--repair")
                self.assertEqual(report["state"], "VERIFIED")
                self.assertIn("resuming", errors)
                self.assertEqual({state for (state,) in self.states()}, {"VERIFIED", "COPIED"})

    def test_leaves_what_only_the_destination_has_and_says_so(self):
        self.copy()
        SERVER.psql(self.database, "INSERT INTO settings VALUES ('more', '1'); DELETE FROM chunks WHERE id = 5; "
                                   "DROP INDEX documents_embedding_hnsw")
        report, _ = self.verify("--repair", code=4)
        self.assertEqual([(one["kind"], one["table"]) for one in report["differences"] if one["table"] != "documents"],
                         [("unexpected", "settings")])
        self.assertIn("index", {one["kind"] for one in report["differences"]})
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM settings WHERE name = 'more'"), [["1"]])
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM chunks WHERE id = 5"), [["1"]])

    def test_between_a_file_and_a_schema_that_nobody_carried(self):
        self.copy()
        SERVER.psql(self.database, f"DROP SCHEMA vecferry CASCADE; {DAMAGE}")
        self.original = None
        words = ("verify", "--from", "sqlite", "--sqlite-path", str(self.store), "--postgres-url", self.url, "--repair")
        dry = run(*words, "--dry-run")
        self.assertEqual(dry.returncode, 4, dry.stderr)
        self.assertEqual(SERVER.query(self.database, "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])
        done = run(*words)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertEqual(self.states(), [["VERIFIED"]])
        self.assertEqual(run(*words[:-1]).returncode, 0)

    def test_a_repair_without_a_migration_goes_on_as_well(self):
        self.copy("--no-verify")
        SERVER.psql(self.database, f"DROP SCHEMA vecferry CASCADE; {DAMAGE}")
        words = ("verify", "--from", "sqlite", "--sqlite-path", str(self.store), "--postgres-url", self.url, "--repair")
        for point in ("writer.after_commit_before_ack:1", "coordinator.before_end_state:1"):
            killed = run(*words, env=environment(VECFERRY_FAULT=point))
            self.assertEqual(killed.returncode, -9, killed.stderr)
            done = run(*words)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
            self.assertIn("resuming migration", done.stderr)
            SERVER.psql(self.database, DAMAGE)

    def test_refuses_rows_that_were_carried_with_other_values(self):
        with sqlite3.connect(self.store) as store:
            store.executescript("CREATE TABLE items(id TEXT PRIMARY KEY, n INTEGER); INSERT INTO items VALUES (NULL, 1)")
        store.close()
        path = FOLDER / "replayed.json"
        self.assertEqual(run(*copy_words(self.store, self.url, "--report", str(path))).returncode, 3)
        self.original = json.loads(path.read_text())["migration_id"]
        self.assertEqual(run("rejects", "replay", self.original, "--postgres-url", self.url, "--set",
                             "items.id=a").returncode, 0)
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        _, errors = self.verify("--repair", code=4)
        self.assertIn("1 rejected rows were carried with other values", errors)
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM chunks WHERE id = 5"), [["0"]])
        SERVER.psql(self.database, "DELETE FROM items")
        report, _ = self.verify(code=4)
        self.assertIn(("items", "missing"), {(one["table"], one["kind"]) for one in report["differences"]})

    def test_refuses_another_source_and_what_it_could_not_compare(self):
        self.copy()
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5; ALTER TABLE settings DROP COLUMN value")
        _, errors = self.verify("--repair", code=4)
        self.assertIn("does not let its rows be compared", errors)
        SERVER.psql(self.database, "DROP TABLE settings")
        _, errors = self.verify("--repair", code=4)
        self.assertIn("does not let its rows be compared", errors)
        self.assertEqual(SERVER.query(self.database, "SELECT to_regclass('settings')"), [[None]])

    def test_refuses_where_an_untold_row_could_stand_under_a_rejected_key(self):
        self.refuse_for_a_rejected_key()
        # Who takes the source's rows has decided anew.
        self.assertEqual(run(*copy_words(self.store, self.url, "--on-conflict", "update")).returncode, 0)
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        done = run("verify", "--repair", "--from", "sqlite", "--sqlite-path", str(self.store), "--postgres-url", self.url)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_rejection_stands_though_the_copy_was_to_update(self):
        self.refuse_for_a_rejected_key("--on-conflict", "update")

    def test_a_copy_of_other_tables_undoes_no_decision(self):
        self.copy()
        SERVER.psql(self.database, "UPDATE documents SET title = 'ours' WHERE id = 7")
        self.assertEqual(run(*copy_words(self.store, self.url)).returncode, 3)
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        for later, words in enumerate((("--only", "settings"), ("--skip", "documents,chunks"), ())):
            _, errors = self.verify("--repair", code=4)
            self.assertIn("of 1 conflicting rows the destination's were kept", errors)
            self.assertEqual(SERVER.query(self.database, "SELECT title FROM documents WHERE id = 7"), [["ours"]])
            done = run(*copy_words(self.store, self.url, "--on-conflict", "update", *words))
            self.assertEqual(done.returncode, 0, (later, done.stderr))
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        self.verify("--repair")

    def test_a_registry_row_comes_back_whole(self):
        self.store.unlink()
        key, at = "0b8d6c1e-0000-4000-8000-000000000001", "2026-03-01T10:00:00+00:00"
        with sqlite3.connect(self.store) as store:
            store.executescript(VESTIGE.read_text())
            store.execute("INSERT INTO schema_version VALUES (18, ?)", (at,))
            store.execute("INSERT INTO embedding_model VALUES (1, 'test/model', 2, 'a hash', ?)", (at,))
            store.execute("INSERT INTO knowledge_nodes(id, content, node_type, created_at, updated_at, last_accessed) "
                          "VALUES (?, 'words', 'fact', ?, ?, ?)", (key, at, at, at))
            store.execute("INSERT INTO node_embeddings(node_id, embedding, dimensions, model, created_at) VALUES "
                          "(?, ?, 2, 'test/model', ?)", (key, struct.pack("<2f", 0.6, 0.8), at))
        store.close()
        self.copy()
        registry = SERVER.query(self.database, "SELECT * FROM embedding_model")
        trigger = "ALTER TABLE knowledge_nodes {} TRIGGER trg_knowledge_nodes_updated_at"
        SERVER.psql(self.database, "DELETE FROM embedding_model; " + trigger.format("DISABLE"))
        self.verify("--repair", code=4)  # for the trigger
        self.assertEqual(SERVER.query(self.database, "SELECT * FROM embedding_model"), registry)
        SERVER.psql(self.database, trigger.format("ENABLE"))
        report, _ = self.verify()
        self.assertEqual(report["state"], "VERIFIED")

    def test_refuses_tables_whose_triggers_change_rows(self):
        self.copy()
        SERVER.psql(self.database, "CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.value := "
                                   "upper(NEW.value) || '!'; RETURN NEW; END $$; CREATE TRIGGER loud BEFORE INSERT OR UPDATE "
                                   "ON settings FOR EACH ROW EXECUTE FUNCTION shout(); DELETE FROM settings WHERE name = "
                                   "'name 3'")
        before = self.versions()
        _, errors = self.verify("--repair", code=4)
        self.assertIn('ALTER TABLE "public"."settings" DISABLE TRIGGER "loud"', errors)
        self.assertEqual(self.versions(), before)
        SERVER.psql(self.database, 'ALTER TABLE "public"."settings" DISABLE TRIGGER "loud"')
        self.verify("--repair")
        # A repair is no migration that could be meant.
        self.assertEqual(run("verify", "--postgres-url", self.url).returncode, 0)

    def test_checks_again_before_it_goes_on(self):
        self.copy()
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        self.verify("--repair", code=-9, env=environment(VECFERRY_FAULT="coordinator.after_plan_store:1"))
        SERVER.psql(self.database, "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$; "
                                   "CREATE TRIGGER kept BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION keep()")
        _, errors = self.verify("--repair", code=4)
        self.assertIn("DISABLE TRIGGER", errors)
        self.assertEqual(SERVER.query(self.database, "SELECT count(*) FROM chunks WHERE id = 5"), [["0"]])
        SERVER.psql(self.database, "DROP TRIGGER kept ON settings")
        self.verify("--repair")

    def test_leaves_a_source_with_other_rows_to_a_copy(self):
        self.copy()
        with sqlite3.connect(self.store) as store:
            store.execute("INSERT INTO chunks(document_id, body) VALUES (1, 'new')")
        store.close()
        _, errors = self.verify("--repair", code=4)
        self.assertIn("the source has other rows than it had", errors)

    def test_a_copy_that_was_cut_off_is_no_repair(self):
        self.copy()
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        words = copy_words(self.store, self.url, "--on-conflict", "update")
        self.assertEqual(run(*words, env=environment(VECFERRY_FAULT="coordinator.before_finish:1")).returncode, -9)
        done = run("verify", self.original, "--postgres-url", self.url, "--repair")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("finish it by its own copy command", done.stderr)
        # It holds the tables, whose rows can be compared all the same; the deleted one it had brought.
        done = run("verify", "--from", "sqlite", "--sqlite-path", str(self.store), "--postgres-url", self.url)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)

    def test_refuses_what_it_would_spoil(self):
        self.copy()
        SERVER.psql(self.database, "UPDATE documents SET title = 'ours' WHERE id = 7")
        kept = run(*copy_words(self.store, self.url, "--report", str(FOLDER / "kept.json")))
        self.assertEqual(kept.returncode, 3, kept.stderr)
        self.original = json.loads((FOLDER / "kept.json").read_text())["migration_id"]
        SERVER.psql(self.database, "DELETE FROM chunks WHERE id = 5")
        report, errors = self.verify("--repair", code=4)
        self.assertEqual([(one["kind"], one["key"]) for one in report["differences"]], [("missing", {"id": 5})])
        self.assertIn("of 1 conflicting rows the destination's were kept", errors)
        self.assertEqual(SERVER.query(self.database, "SELECT title FROM documents WHERE id = 7"), [["ours"]])
        for words, text in ((("--dry-run",), "--repair"), (("--repair", "--verify-level", "sample"), "--verify-level")):
            done = run("verify", *words, "--postgres-url", self.url)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
