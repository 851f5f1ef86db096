"""Destinations that cannot be written, that lend their sessions, that have few connections, or whose roles bring settings
of their own: one line says what, where and what to do, or the result is the same as anywhere."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (Server, compare_store, copy_words, environment, error_lines, keep, make_store, run,  # noqa: E402
                     scratch_folder)
from held_up import WAITING, HeldUp, unittest  # noqa: E402

SERVER = Server(private=True)
STORE = scratch_folder() / "store.db"
make_store(STORE, 1000)


class Case(HeldUp):
    server, store = SERVER, STORE

    def setUp(self):
        self.database = SERVER.make_database()

    def refused(self, words, *parts):
        done = run(*words)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(error_lines(done)), 1, done.stderr)
        for part in parts:
            self.assertIn(part, error_lines(done)[0])

    def copied(self, url, *more):
        done = run(*copy_words(STORE, url, *more))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])

    def expect_untouched(self):
        self.assertEqual(SERVER.query(self.database, "SELECT nspname FROM pg_namespace WHERE nspname = 'vecferry' UNION ALL "
                                      "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND "
                                      "relkind = 'r'"), [])

    def make_role(self, sql=""):
        """Named as the database; may make what a migration makes."""
        role = self.database
        SERVER.psql(self.database, f"CREATE ROLE {role} LOGIN; GRANT CREATE ON DATABASE {role} TO {role}; "
                                   f"GRANT ALL ON SCHEMA public TO {role}; {sql.format(role)}")
        self.addCleanup(SERVER.psql, "postgres", f"DROP ROLE {role}")
        self.addCleanup(SERVER.psql, "postgres", f"DROP DATABASE {role} WITH (FORCE)")
        return SERVER.url(role, role)


class Standby(Case):
    def test_a_standby_is_not_written(self):
        standby = Server(standby_of=SERVER)
        SERVER.psql(self.database, "CREATE TABLE mark(n int)")
        self.await_row(standby, "SELECT 1 FROM pg_class WHERE relname = 'mark'")
        SERVER.psql(self.database, "DROP TABLE mark")
        words = copy_words(STORE, standby.url(self.database))
        for more in ([], ["--dry-run"]):
            self.refused(words + more, "standby", "in recovery", "name the primary")
        self.expect_untouched()
        # A migration that the primary has begun is not taken up there either, nor changed.
        run(*copy_words(STORE, SERVER.url(self.database)), env=environment(VECFERRY_FAULT="coordinator.before_finish:1"))
        self.await_row(standby, "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = "
                                "'vecferry' AND relname = 'migration'")
        self.await_row(standby, "SELECT 1 FROM vecferry.shard HAVING bool_and(done)")
        before = SERVER.query(self.database, "SELECT state, coordinator_epoch FROM vecferry.migration")
        self.refused(words, "standby", "name the primary")
        self.refused(["migrate", "cancel", "--postgres-url", standby.url(self.database)], "standby", "name the primary")
        self.assertEqual(SERVER.query(self.database, "SELECT state, coordinator_epoch FROM vecferry.migration"), before)
        looked = run("migrate", "list", "--postgres-url", standby.url(self.database))
        self.assertEqual((looked.returncode, "COPYING" in looked.stdout), (0, True), looked.stderr)
        self.copied(SERVER.url(self.database))

    def await_row(self, server, sql):
        while server.query(self.database, sql) == []:
            pass

    def test_a_role_that_only_reads_by_default(self):
        url = self.make_role("ALTER ROLE {0} SET default_transaction_read_only = on")
        self.refused(copy_words(STORE, url), "read-only", "default_transaction_read_only", "RESET")
        self.expect_untouched()


class Pools(Case):
    def pool(self, mode, *lines):
        folder = keep("pool", SERVER.socket, f"pool_mode = {mode}", *lines)
        return f"postgresql://vecferry@/{self.database}?host={folder}&port=6432"

    def connect_several(self, url):
        """So that the pool has several free sessions of the server."""
        self.server = Pool(url)
        holders = [self.lock("BEGIN; SELECT 1") for _ in range(4)]
        self.server = SERVER
        for holder in holders:
            holder.communicate("COMMIT;")

    def test_a_transaction_pool_is_refused(self):
        for lines, several in (([], False), ([], True), (["server_round_robin = 1"], True)):
            with self.subTest(lines=lines, several=several):
                url = self.pool("transaction", *lines)
                if several:
                    self.connect_several(url)
                self.refused(copy_words(STORE, url), "transaction pooler", "Postgres directly", "pool_mode = session")
                self.expect_untouched()
                # Nor has anybody else who gets one of the pool's sessions a setting of ours.
                self.assertEqual({Pool(url).query("", "SELECT current_setting('client_connection_check_interval')")[0][0]
                                  for _ in range(4)}, {"0"})

    def test_a_statement_pool_is_refused(self):
        self.refused(copy_words(STORE, self.pool("statement")), "pool_mode = session")
        self.expect_untouched()

    def test_a_session_pool_works(self):
        url = self.pool("session")
        self.connect_several(url)
        self.copied(url)
        self.copied(url)

    def test_what_a_pool_does_not_take(self):
        self.refused(copy_words(STORE, self.pool("session") + "&options=-c%20work_mem%3D1MB"), "options", "pooler",
                     "leave that out")
        self.expect_untouched()


class Pool:
    """For the methods of Server that need no more than an address."""

    def __init__(self, address):
        self.address = address

    def url(self, _):
        return self.address

    query, psql = Server.query, Server.psql


class Limits(Case):
    def test_a_limit_below_what_is_used(self):
        url = self.make_role("ALTER ROLE {0} CONNECTION LIMIT 2")
        self.refused(copy_words(STORE, url), "may have 2 connections", "--max-connections")
        self.expect_untouched()
        SERVER.psql("postgres", f"ALTER ROLE {self.database} CONNECTION LIMIT 3")
        self.refused(copy_words(STORE, url), "may have 3 connections", "--max-connections")
        self.copied(url, "--max-connections", "3")

    def test_all_connections_taken(self):
        url = self.make_role("ALTER ROLE {0} CONNECTION LIMIT 4")
        self.server = Pool(url)
        holders = [self.lock("SELECT 1") for _ in range(4)]
        self.server = SERVER
        self.refused(copy_words(STORE, url), "no free connection", self.database, "max_connections", "CONNECTION LIMIT")
        self.expect_untouched()
        for holder in holders:
            holder.communicate()
        while SERVER.query("postgres", f"SELECT 1 FROM pg_stat_activity WHERE usename = '{self.database}'"):
            pass
        self.copied(url)

    def test_a_password_that_changes_meanwhile(self):
        SERVER.psql("postgres", "DO $$ BEGIN CREATE ROLE needs_password; EXCEPTION WHEN duplicate_object THEN END $$")
        self.make_role("ALTER ROLE {0} PASSWORD 'first'; GRANT needs_password TO {0}")
        process, holder = self.begin("copy", SERVER.url(self.database, self.database, "first"))
        SERVER.psql("postgres", f"ALTER ROLE {self.database} PASSWORD 'second'")
        self.end_sessions(self.sessions("vecferry/coordinator"))
        holder.kill()
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        lines = [line for line in errors.splitlines() if line.startswith("vecferry: ")]
        self.assertEqual(len(lines), 1, errors)
        self.assertIn("wrong password", lines[0])
        self.assertNotIn("first", errors)
        self.copied(SERVER.url(self.database, self.database, "second"))


# Whatever a role brings, the same rows arrive.
SETTINGS = {
    "statement_timeout": "50ms", "lock_timeout": "1ms", "idle_in_transaction_session_timeout": "50ms",
    "idle_session_timeout": "500ms", "search_path": "nowhere", "DateStyle": "SQL, DMY", "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Tokyo", "bytea_output": "escape", "standard_conforming_strings": "off",
    "backslash_quote": "on", "quote_all_identifiers": "on", "extra_float_digits": "-15", "array_nulls": "off",
    "default_transaction_isolation": "serializable", "default_transaction_deferrable": "on", "row_security": "off",
    "synchronous_commit": "off", "work_mem": "64kB", "maintenance_work_mem": "1MB", "temp_buffers": "800kB",
    "client_min_messages": "error", "client_encoding": "LATIN1", "default_table_access_method": "heap",
    "default_tablespace": "pg_default", "enable_hashjoin": "off", "enable_seqscan": "off", "jit_above_cost": "0",
    "constraint_exclusion": "on", "check_function_bodies": "off", "transform_null_equals": "on",
}


class Settings(Case):
    def test_settings_of_the_role_change_nothing(self):
        url = self.make_role("".join(f"ALTER ROLE {{0}} SET {name} = '{value}';" for name, value in SETTINGS.items()))
        self.copied(url)
        again = run(*copy_words(STORE, url, "--report", "-"))
        totals = json.loads(again.stdout)["totals"]
        self.assertEqual((again.returncode, totals["inserted"], totals["already_present"]), (0, 0, totals["read"]),
                         again.stderr)

    def test_they_change_nothing_for_two_writers(self):
        """Each holds a transaction while the other commits."""
        url = self.make_role("ALTER ROLE {0} SET default_transaction_isolation = 'serializable'; "
                             "ALTER ROLE {0} SET statement_timeout = '50ms'")
        process, holder = self.begin("copy", url)
        self.assertNotEqual(self.sessions(WAITING["copy"]), [])
        holder.kill()
        _, errors = process.communicate(timeout=60)
        self.assertEqual((process.returncode, error_lines_of(errors)), (0, []), errors)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])


def error_lines_of(errors):
    return [line for line in errors.splitlines() if line.startswith("vecferry: ")]


if __name__ == "__main__":
    unittest.main()
