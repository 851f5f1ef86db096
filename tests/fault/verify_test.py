"""`vecferry verify` whose source, destination or own process goes away in the middle of it: that is a failure in one line,
never a verdict, and the same command afterwards passes. What was verified before stays so in the ledger."""
import os
import pathlib
import shutil
import sqlite3
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server, compare_store, copy_words, make_store, run, scratch_folder  # noqa: E402
from held_up import ADVISORY, HeldUp, unittest  # noqa: E402

SERVER = Server(private=True)
FOLDER = scratch_folder()
SOURCE = FOLDER / "source.db"
ROWS = 3000
make_store(SOURCE, ROWS, words=400)  # more than SQLite keeps of a file
with sqlite3.connect(SOURCE) as store:
    # Of the file's last page nothing but a text knows, which is one of the first that are read of its table.
    store.executescript("""
        CREATE TABLE last_page(id INTEGER PRIMARY KEY, body TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO last_page SELECT i, 'y' FROM n;
        UPDATE last_page SET body = replace(hex(zeroblob(2300)), '0', 'x') WHERE id = 1;""")
store.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
store.close()
SECONDS_MAX = 10

# Each holds a verification up by the advisory lock 42, and how that is undone.
HOLD_UP = {
    # Temporary tables have been made.
    "structure": ("""
        CREATE FUNCTION public.gate() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
          PERFORM pg_advisory_xact_lock_shared(42); END $$;
        CREATE EVENT TRIGGER gate ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.gate()""",
                  "DROP EVENT TRIGGER gate; DROP FUNCTION public.gate()"),
    # Half of a table's rows have come, by which the values are compared.
    "values": (f"""
        CREATE FUNCTION public.gate(v vector) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN
          IF EXISTS (SELECT FROM public.documents WHERE id = {ROWS // 2} AND embedding = v) THEN
            PERFORM pg_advisory_xact_lock_shared(42);
          END IF;
          RETURN public.vector_send(v); END $$;
        ALTER TYPE public.vector SET (SEND = public.gate)""",
               "ALTER TYPE public.vector SET (SEND = public.vector_send); DROP FUNCTION public.gate(vector)"),
}


class VerifyFault(HeldUp):
    server = SERVER

    def begin_verify(self, stage):
        """`vecferry verify` of a fresh copy, held up there, and who holds it up."""
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)
        self.store = FOLDER / f"{self.database}.db"
        shutil.copy(SOURCE, self.store)
        done = run(*copy_words(self.store, self.url))
        self.assertEqual(done.returncode, 0, done.stderr)
        SERVER.psql(self.database, HOLD_UP[stage][0])
        holder = self.lock(ADVISORY)
        process = self.start(["verify", "--postgres-url", self.url])
        self.await_waiting(process, "vecferry/%/verify")
        return process, holder

    def expect_failed(self, process, *parts):
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors + output)
        self.assertEqual(output, "")
        # What it says of the source's file came before.
        lines = [line for line in errors.splitlines()[2:] if line.startswith("vecferry: ")]
        self.assertEqual(len(lines), 1, errors)
        for part in parts:
            self.assertIn(part, lines[0])
        self.expect_state()

    def expect_state(self):
        self.assertEqual(SERVER.query(self.database, "SELECT state, verify_level FROM vecferry.migration"),
                         [["VERIFIED", "full"]])

    def expect_nothing_left(self):
        end = time.monotonic() + SECONDS_MAX
        while self.sessions("vecferry%") and time.monotonic() < end:
            pass
        self.assertEqual(self.sessions("vecferry%"), [])
        self.assertEqual(SERVER.query(self.database, "SELECT relname FROM pg_class WHERE relpersistence = 't'"), [])

    def expect_verified_again(self, stage):
        SERVER.psql(self.database, HOLD_UP[stage][1])
        done = run("verify", "--postgres-url", self.url)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.assertIn("VERIFIED", done.stdout)
        self.expect_state()
        self.expect_nothing_left()


class Source(VerifyFault):
    def goes_away(self, take_away):
        """After the first of several tables."""
        process, holder = self.begin_verify("values")
        before = self.store.read_bytes()
        take_away(len(before))
        holder.kill()
        self.expect_failed(process, str(self.store))
        self.store.write_bytes(before)
        self.expect_verified_again("values")

    def test_cut_off(self):
        self.goes_away(lambda size: os.truncate(self.store, size // 4096 // 2 * 4096))

    def test_cut_off_by_a_page(self):
        self.goes_away(lambda size: os.truncate(self.store, size - 4096))

    def test_cut_off_while_it_is_copied(self):
        self.database, self.store = SERVER.make_database(), FOLDER / "copied.db"
        self.url = SERVER.url(self.database)
        shutil.copy(SOURCE, self.store)
        before = self.store.read_bytes()
        process, holder = self.begin("copy")
        os.truncate(self.store, len(before) - 4096)
        holder.kill()
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn(f"{self.store} lost bytes", errors)
        self.assertEqual(SERVER.query(self.database, "SELECT id FROM last_page WHERE length(body) > 1"), [])
        self.store.write_bytes(before)
        SERVER.psql(self.database, "DROP TRIGGER shut ON vecferry.shard")
        done = run(*copy_words(self.store, self.url))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(self.store, SERVER, self.database), [])
        self.assertEqual(SERVER.query(self.database, "SELECT body = repeat('x', 4600) FROM last_page WHERE id = 1"), [["t"]])

    def test_emptied(self):
        self.goes_away(lambda _: os.truncate(self.store, 0))

    def test_overwritten(self):
        def overwrite(size):
            with open(self.store, "r+b") as store:
                store.seek(size // 4096 // 2 * 4096)
                store.write(b"\xff" * (size // 2))
        self.goes_away(overwrite)


class Destination(VerifyFault):
    def goes_away(self, take_away):
        for stage in HOLD_UP:
            with self.subTest(stage):
                process, holder = self.begin_verify(stage)
                take_away()
                holder.kill()
                self.expect_failed(process, "connection")
                self.expect_verified_again(stage)

    def test_sessions_ended(self):
        self.goes_away(lambda: self.end_sessions(self.sessions("vecferry%")))

    def test_server_crashed(self):
        self.goes_away(lambda: SERVER.restart("immediate"))


class Killed(VerifyFault):
    def test_nothing_is_left(self):
        for stage in HOLD_UP:
            with self.subTest(stage):
                process, holder = self.begin_verify(stage)
                process.kill()
                process.communicate()
                # The lock is still held: the server itself ends what waits for it.
                self.expect_nothing_left()
                self.expect_state()
                holder.kill()
                self.expect_verified_again(stage)


unittest.main()
