"""Sources and destinations that cannot work: one clear line, exit code 1, no row and no ledger written, no secret told."""
import os
import pathlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, copy_words, environment, error_lines, make_store, run,  # noqa: E402
                     scratch_folder)

SERVER = Server()
FOLDER = scratch_folder()
STORE = FOLDER / "store.db"
make_store(STORE, 200, journal_mode="delete")


class Case(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()

    def refuse(self, words, *parts, code=1):
        done = run(*words)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(len(error_lines(done)), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("destination: "), done.stderr)
        self.assertEqual(done.stdout, "")
        for part in parts:
            self.assertIn(part, error_lines(done)[0])
        return done

    def expect_untouched(self):
        left = SERVER.query(self.database, "SELECT n.nspname FROM pg_namespace n WHERE n.nspname = 'vecferry' UNION ALL "
                                           "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                                           "AND relkind = 'r'")
        self.assertEqual(left, [])


class Sources(Case):
    def refuse_source(self, path, *parts, code=1):
        before = sorted(entry.name for entry in FOLDER.iterdir())
        self.refuse(copy_words(path, SERVER.url(self.database)), *parts, code=code)
        self.expect_untouched()
        self.assertEqual(before, sorted(entry.name for entry in FOLDER.iterdir()))

    def test_no_such_file(self):
        self.refuse_source(FOLDER / "absent.db", "absent.db")

    def test_a_directory(self):
        self.refuse_source(FOLDER, str(FOLDER), "director")

    def test_not_sqlite(self):
        path = FOLDER / "notes.txt"
        path.write_text("These are no tables.\n" * 400)
        self.refuse_source(path, "notes.txt", "SQLite")

    def test_encrypted(self):
        path = FOLDER / "encrypted.db"
        path.write_bytes(bytes((i * 7919 + i // 251) % 251 + 3 for i in range(16384)))
        self.refuse_source(path, "encrypted")

    def test_truncated(self):
        path = FOLDER / "truncated.db"
        path.write_bytes(STORE.read_bytes()[:STORE.stat().st_size // 2])
        self.refuse_source(path, "truncated.db")

    def test_damaged_pages(self):
        path = FOLDER / "damaged.db"
        content = bytearray(STORE.read_bytes())
        for page in range(2, len(content) // 4096):
            content[page * 4096:page * 4096 + 64] = b"\xff" * 64
        path.write_bytes(content)
        self.refuse_source(path, "damaged.db")

    def test_empty_databases(self):
        path = FOLDER / "nothing.db"
        path.write_bytes(b"")
        self.refuse_source(path)
        path = FOLDER / "no-tables.db"
        store = sqlite3.connect(path)
        store.execute("CREATE TABLE t(a)")
        store.execute("DROP TABLE t")
        store.commit()
        store.close()
        self.refuse_source(path)

    def test_no_such_table(self):
        done = run(*copy_words(STORE, SERVER.url(self.database), "--only", "documnets"))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("documnets", done.stderr)
        self.expect_untouched()

    def test_a_report_that_cannot_be_written(self):
        self.refuse(copy_words(STORE, SERVER.url(self.database), "--report", str(FOLDER / "absent" / "report.json")),
                    "--report", "absent/report.json")
        self.expect_untouched()


class Destinations(Case):
    def test_no_such_host(self):
        self.refuse(copy_words(STORE, "postgresql://u:sesame@no-such-host.invalid/d"), "no-such-host.invalid")

    def test_nothing_listens(self):
        self.refuse(copy_words(STORE, f"postgresql:///d?host={FOLDER}"), str(FOLDER))

    def test_no_such_database(self):
        self.refuse(copy_words(STORE, SERVER.url("no_such_database")), "no_such_database")

    def test_a_wrong_password_is_never_printed(self):
        SERVER.psql("postgres", "DO $$ BEGIN CREATE ROLE needs_password; EXCEPTION WHEN duplicate_object THEN END $$")
        SERVER.psql(self.database, f"CREATE ROLE {self.database} LOGIN PASSWORD 'right' IN ROLE needs_password")
        self.addCleanup(SERVER.psql, "postgres", f"DROP ROLE {self.database}")
        url = SERVER.url(self.database, self.database, "open-sesame")
        done = self.refuse(copy_words(STORE, url, "--log-level", "debug"), self.database)
        self.assertNotIn("open-sesame", done.stdout + done.stderr)
        self.assertIn("***", done.stderr.splitlines()[0])

    def test_a_role_without_create(self):
        SERVER.psql(self.database, f"CREATE ROLE {self.database} LOGIN; REVOKE CREATE ON SCHEMA public FROM public")
        self.addCleanup(SERVER.psql, "postgres", f"DROP ROLE {self.database}")
        self.refuse(copy_words(STORE, SERVER.url(self.database, self.database)), "CREATE")
        self.expect_untouched()

    def test_a_server_without_pgvector(self):
        plain = Server(without_vector=True)
        self.refuse(copy_words(STORE, plain.url("postgres")), "pgvector")
        self.assertEqual(plain.query("postgres", "SELECT 1 FROM pg_namespace WHERE nspname = 'vecferry'"), [])

    def test_an_existing_table_that_does_not_fit(self):
        SERVER.psql(self.database, "CREATE TABLE documents(id text)")
        self.refuse(copy_words(STORE, SERVER.url(self.database)), "documents")
        self.assertEqual(SERVER.query(self.database, "SELECT count(*)::text FROM documents"), [["0"]])

    def test_another_encoding(self):
        self.database = f"{self.database}_latin"
        SERVER.psql("postgres", f"CREATE DATABASE {self.database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        self.addCleanup(SERVER.psql, "postgres", f"DROP DATABASE {self.database}")
        self.refuse(copy_words(STORE, SERVER.url(self.database)), "LATIN1", "UTF8")
        self.expect_untouched()

    def test_a_read_only_database(self):
        SERVER.psql("postgres", f"ALTER DATABASE {self.database} SET default_transaction_read_only = on")
        self.refuse(copy_words(STORE, SERVER.url(self.database)), "read-only")
        self.expect_untouched()

    def test_a_role_without_rights_on_the_ledger(self):
        self.assertEqual(run(*copy_words(STORE, SERVER.url(self.database), "--only", "settings")).returncode, 0)
        role = self.database
        SERVER.psql(self.database, f"CREATE ROLE {role} LOGIN; GRANT CREATE ON SCHEMA public TO {role}; "
                                   f"GRANT CREATE ON DATABASE {self.database} TO {role}")
        self.addCleanup(SERVER.psql, "postgres", f"DROP ROLE {role}")
        self.addCleanup(SERVER.psql, self.database, f"DROP OWNED BY {role}")
        for rights in ("", "GRANT USAGE ON SCHEMA vecferry TO {0}; GRANT SELECT ON ALL TABLES IN SCHEMA vecferry TO {0}"):
            SERVER.psql(self.database, rights.format(role))
            self.refuse(copy_words(STORE, SERVER.url(self.database, role)), "schema vecferry", '"vecferry" made', "GRANT")
        self.assertEqual(SERVER.query(self.database, "SELECT relname FROM pg_class WHERE relkind = 'r' AND "
                                                     "relnamespace = 'public'::regnamespace"), [["settings"]])
        SERVER.psql(self.database, f"GRANT ALL ON ALL TABLES IN SCHEMA vecferry TO {role}; "
                                   f"GRANT ALL ON ALL SEQUENCES IN SCHEMA vecferry TO {role}")
        done = run(*copy_words(STORE, SERVER.url(self.database, role), "--only", "documents"))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_environment_names_the_destination(self):
        words = copy_words(STORE, "")
        done = run(*words, env=environment(VECFERRY_POSTGRES_URL="postgresql://u:sesame@no-such-host.invalid/d"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("VECFERRY_POSTGRES_URL", done.stderr.splitlines()[0])
        self.assertNotIn("sesame", done.stderr)
        done = run(*words, env=environment(PGHOST=SERVER.socket, PGDATABASE="no_such_database", PGUSER="vecferry"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("PGHOST", done.stderr.splitlines()[0])
        self.assertIn("no_such_database", done.stderr)


class Outputs(Case):
    def test_output_that_is_lost_is_no_success(self):
        """No file may grow: what a full disk does to a redirected stdout. SIGXFSZ stays ignored, as Python has it."""
        url = SERVER.url(self.database)
        for words in (["help"], ["migrate", "list", "--postgres-url", url, "-o", "json"],
                      [*copy_words(STORE, url), "--snapshot", "direct", "--report", "-"]):
            with open(FOLDER / "output", "wb") as output:
                done = subprocess.run([PROGRAM, *words], stdout=output, stderr=subprocess.PIPE, text=True, check=False,
                                      restore_signals=False, stdin=subprocess.DEVNULL,
                                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("stdout could not be written", done.stderr.splitlines()[-1])

    def test_a_reader_that_has_seen_enough_is_no_failure(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([PROGRAM, "migrate", "list", "--postgres-url", SERVER.url(self.database)], stdout=writer,
                              stderr=subprocess.PIPE, text=True, check=False)
        os.close(writer)
        self.assertEqual((done.returncode, error_lines(done)), (0, []))

    def test_streams_that_are_closed_are_no_place_for_sockets(self):
        words = copy_words(STORE, SERVER.url(self.database))
        done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", PROGRAM, *words], check=False)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(SERVER.query(self.database, "SELECT state FROM vecferry.migration"), [["VERIFIED"]])


class SourceStays(Case):
    def test_a_path_with_odd_characters_is_opened(self):
        path = FOLDER / "a b?c#d%41\nü.db"
        shutil.copy(STORE, path)
        done = run(*copy_words(path, SERVER.url(self.database)))
        self.assertEqual(done.returncode, 0, done.stderr)


unittest.main()
