"""Takes the command's sessions away in the middle of each stage, one kind at a time and all by a restart of the server: the
command waits for the destination, goes on by itself, and carries every row once. Where it does not drive a migration yet,
or replays rejected rows, it says so in a line, and the same command goes on."""
import json
import pathlib
import sqlite3
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, compare_store, copy_words, error_lines, make_store, run, scratch_folder  # noqa: E402
from held_up import ADVISORY, GATE, WAITING, HeldUp, unittest  # noqa: E402

SERVER = Server(private=True)
STORE = scratch_folder() / "store.db"
make_store(STORE, 2000)
ORPHANS = scratch_folder() / "orphans.db"
make_store(ORPHANS, 600)
with sqlite3.connect(ORPHANS) as store:
    store.execute("INSERT INTO chunks(document_id, body) SELECT 100000 + value, 'alone' FROM json_each('[1, 2, 3]')")


class Outage(HeldUp):
    server, store = SERVER, STORE

    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)

    def goes_on(self, stage, take_away, code=0):
        process, holder = self.begin(stage)
        take_away()
        holder.kill()
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, errors)
        self.assertIn("VERIFIED", output)
        again = run(*copy_words(self.store, self.url, "--report", "-"))
        self.assertEqual((again.returncode, json.loads(again.stdout)["totals"]["inserted"]), (code, 0), again.stderr)
        return errors

    def test_each_kind_of_session(self):
        for stage, name in (("copy", "vecferry/coordinator"), ("copy", "vecferry/%"), ("copy", WAITING["copy"]),
                            ("finish", "vecferry/coordinator"), ("finish", WAITING["finish"]),
                            ("verify", "vecferry/coordinator"), ("verify", WAITING["verify"])):
            with self.subTest(stage=stage, name=name):
                self.setUp()
                errors = self.goes_on(stage, lambda name=name: self.end_sessions(self.sessions(name)))
                self.assertEqual(compare_store(STORE, SERVER, self.database), [])
                # A writer's stream is opened again by its reader.
                self.assertEqual("the destination is reached again" in errors, name != WAITING["copy"])

    def test_while_orphans_are_removed(self):
        self.store = ORPHANS
        for name in ("vecferry/coordinator", WAITING["orphans"]):
            with self.subTest(name=name):
                self.setUp()
                self.goes_on("orphans", lambda name=name: self.end_sessions(self.sessions(name)), code=3)
                self.assertEqual(SERVER.query(self.database, "SELECT count(*), count(DISTINCT id), max(document_id) <= 600 "
                                                             "FROM chunks"), [["600", "600", "t"]])
                self.assertEqual(SERVER.query(self.database, "SELECT count(*), count(DISTINCT source_key::text) FROM "
                                                             "vecferry.issues WHERE action = 'rejected' AND migration_id = "
                                                             "(SELECT id FROM vecferry.migration ORDER BY started_at LIMIT "
                                                             "1)"), [["3", "3"]])

    def test_a_restart_of_the_server(self):
        for stage, mode in (("copy", "immediate"), ("finish", "immediate"), ("verify", "fast")):
            with self.subTest(stage=stage, mode=mode):
                self.setUp()
                self.goes_on(stage, lambda mode=mode: SERVER.restart(mode))
                self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def says_so(self, process):
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        lines = [line for line in errors.splitlines() if line.startswith("vecferry: ")]
        self.assertEqual(len(lines), 1, errors)
        self.assertIn("57P01", lines[0])

    def test_while_it_plans(self):
        # The lock under which the ledger is made.
        holder = self.lock("SELECT pg_advisory_lock(x'7665636665727279'::bigint)")
        process = self.start(copy_words(STORE, self.url, "--progress", "none"))
        self.await_waiting(process, "vecferry/coordinator")
        self.end_sessions(self.sessions("vecferry/coordinator"))
        holder.kill()
        self.says_so(process)
        self.assertEqual(SERVER.query(self.database, "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])
        done = run(*copy_words(STORE, self.url))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def test_while_rejected_rows_are_carried(self):
        self.assertEqual(run(*copy_words(ORPHANS, self.url)).returncode, 3)
        SERVER.psql(self.database, GATE + """
            INSERT INTO documents(id, title) SELECT 100000 + i, 'late' FROM generate_series(1, 3) i;
            CREATE TRIGGER shut BEFORE INSERT ON public.chunks FOR EACH ROW WHEN (NEW.document_id = 100002)
              EXECUTE FUNCTION public.shut()""")
        holder = self.lock(ADVISORY)
        words = ["rejects", "replay", "--postgres-url", self.url,
                 SERVER.query(self.database, "SELECT id FROM vecferry.migration")[0][0]]
        process = self.start(words)
        self.await_waiting(process, "vecferry/replay")
        self.end_sessions(self.sessions("vecferry/replay"))
        holder.kill()
        self.says_so(process)
        done = run(*words)
        self.assertEqual((done.returncode, error_lines(done)), (0, []), done.stderr)
        self.assertEqual(SERVER.query(self.database, "SELECT count(*), count(DISTINCT id) FROM chunks"), [["603", "603"]])
        self.assertEqual(SERVER.query(self.database, "SELECT sum(inserted), sum(rejected) FROM vecferry.shard"),
                         [[str(self.rows_of(ORPHANS)), "0"]])

    def rows_of(self, path):
        with sqlite3.connect(path) as store:
            return sum(store.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                       for table in ("documents", "chunks", "settings", "events"))


unittest.main()
