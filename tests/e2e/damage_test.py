"""Stores with every damage of docs/interface.md section 4 at once: each is named, everything else arrives bit by bit."""
import json
import pathlib
import sys
import unittest
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, copy_words, file_hashes, run, scratch_folder  # noqa: E402
from damaged_generic import DamagedGeneric  # noqa: E402
from damaged_store import read_record  # noqa: E402
from damaged_vestige import ROW_BYTES_MAX, DamagedVestige  # noqa: E402
from plain_compare import NAMESPACE  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()

    def copy(self, store, code=3):
        path = FOLDER / f"{self.database}.json"
        before = file_hashes(store.path)
        done = run(*copy_words(store.path, SERVER.url(self.database), "--report", str(path), "--max-row-bytes",
                               str(ROW_BYTES_MAX)))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        self.assertEqual(file_hashes(store.path), before)
        report = json.loads(path.read_text())
        for table in report["tables"]:
            self.assertEqual(table["read"], sum(table[name] for name in ("inserted", "already_present", "updated",
                                                                         "conflicting", "rejected")), table)
        return report

    def issues(self, report, action="repaired', 'rejected', 'skipped"):
        return [(table, json.loads(key), column, kind, action, bytes.fromhex(raw) if raw is not None else None, form)
                for table, key, column, kind, action, raw, form in SERVER.query(
                    self.database, "SELECT source_table, source_key::text, column_name, kind, action, "
                    "encode(raw, 'hex'), raw_format FROM vecferry.issues WHERE migration_id = "
                    f"'{report['migration_id']}' AND action IN ('{action}')")]

    def expect_named(self, store, report):
        """Each damage once, with its bytes; nothing else."""
        there = self.issues(report)
        for table, _, key, column, kind, action, raw, form in store.issues:
            told = [one for one in there if one[:5] == (table, key, column, kind, action)]
            with self.subTest(table=table, key=str(key)[:100], column=column, kind=kind):
                self.assertTrue(told, [one for one in there if one[1] == key])
                match = [one for one in told if self.same_raw(one, raw, form, kind)]
                self.assertTrue(match, [(str(one[5])[:300], one[6], raw) for one in told])
                there.remove(match[0])
        self.assertEqual([(*one[:5], str(one[5])[:200], one[6]) for one in there], [])

    def same_raw(self, told, raw, form, kind):
        if kind == "too_large":
            longest = max(len(value) for value in raw if isinstance(value, bytes))
            return b": %d bytes, " % longest in told[5] and b"XXH3-128" in told[5]
        if told[6] != form:
            return False
        if form == "real":
            return float(told[5]) == raw
        if form != "sqlite-record":
            return told[5] == raw
        values = read_record(told[5])
        return all(any(type(value) is type(one) and value == one for one in values) for value in raw)

    def expect_second_run_changes_nothing(self, store, first):
        before = SERVER.psql(self.database, self.everything())
        second = self.copy(store)
        self.assertEqual(second["totals"]["inserted"], 0)
        self.assertEqual(second["totals"]["updated"], 0)
        self.assertEqual(second["totals"]["conflicting"], 0)
        self.assertEqual(second["totals"]["already_present"], first["totals"]["inserted"])
        self.assertEqual(second["totals"]["rejected"], first["totals"]["rejected"])
        self.assertEqual(SERVER.psql(self.database, self.everything()), before)

        def rejected(report):
            return sorted((one[0], str(one[1]), one[3]) for one in self.issues(report, "rejected"))
        self.assertEqual(rejected(second), rejected(first))

    def everything(self):
        tables = SERVER.query(self.database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                                             "'public'::regnamespace ORDER BY 1")
        return "; ".join(f"SELECT '{name}', count(*), sum(hashtextextended(x::text, 0)) FROM \"{name}\" x"
                         for (name,) in tables)


class Vestige(Case):
    def test_everything_at_once(self):
        store = DamagedVestige(FOLDER / "vestige.db")
        report = self.copy(store)
        self.assertEqual(report["source"]["profile"], "vestige")
        self.assertEqual(store.all_differences(SERVER, self.database), [])
        self.expect_named(store, report)
        self.assertEqual(report["totals"]["rejected"], len(store.gone))
        self.assertEqual(report["totals"]["values_rounded"], store.rounded)
        for table, column in (("knowledge_nodes", "id"), ("scheduling", "memory_id"), ("edges", "source_id"),
                              ("knowledge_node_embeddings", "node_id"), ("memory_states", "memory_id"),
                              ("fsrs_cards", "memory_id"), ("memory_access_log", "node_id")):
            found = SERVER.query(self.database, f"SELECT 1 FROM {table} WHERE {column} = "
                                                f"'{uuid.uuid5(NAMESPACE, 'a')}'")
            self.assertTrue(found, table)
        self.expect_second_run_changes_nothing(store, report)


class Generic(Case):
    def test_everything_at_once(self):
        store = DamagedGeneric(FOLDER / "generic.db")
        report = self.copy(store)
        self.assertEqual(report["source"]["profile"], "generic")
        self.assertEqual(store.all_differences(SERVER, self.database), [])
        self.expect_named(store, report)
        self.assertEqual(report["totals"]["rejected"], len(store.gone))
        self.assertEqual(report["totals"]["values_rounded"], store.rounded)
        self.assertEqual(self.next_letter(), [["101"]])
        self.expect_second_run_changes_nothing(store, report)

    def next_letter(self):
        return SERVER.query(self.database, "SELECT nextval(pg_get_serial_sequence('letters', 'id'))::text")


unittest.main()
