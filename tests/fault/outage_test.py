"""Takes the command's sessions away in the middle of each stage, one kind at a time and all by a restart of the server: the
command waits for the destination, goes on by itself, and carries every row once."""
import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, make_store, run,  # noqa: E402
                     scratch_folder)

SERVER = Server(private=True)
STORE = scratch_folder() / "store.db"
make_store(STORE, 2000)

# Each holds the stage up by the advisory lock 42, which a session of the test has, or by a lock on a table.
GATE = """
    CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(42); RETURN true; END $$;"""
HOLD_UP = {
    "copy": GATE + """
        CREATE FUNCTION public.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          PERFORM public.gate(); RETURN NEW; END $$;
        CREATE TRIGGER shut BEFORE UPDATE ON vecferry.shard FOR EACH ROW WHEN (NEW.rows_read > 500)
          EXECUTE FUNCTION public.shut()""",
    "finish": "SELECT",
    "verify": GATE + """
        CREATE FUNCTION public.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.state = 'VERIFYING' THEN
            ALTER TABLE public.settings RENAME TO settings_behind;
            CREATE VIEW public.settings AS SELECT * FROM public.settings_behind WHERE public.gate();
          ELSIF OLD.state = 'VERIFYING' THEN
            DROP VIEW public.settings;
            ALTER TABLE public.settings_behind RENAME TO settings;
          END IF;
          RETURN NEW; END $$;
        CREATE TRIGGER shut BEFORE UPDATE ON vecferry.migration FOR EACH ROW
          WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION public.shut()""",
}
LOCK = {"copy": "SELECT pg_advisory_lock(42)", "verify": "SELECT pg_advisory_lock(42)",
        "finish": "BEGIN; LOCK TABLE public.chunks IN ROW EXCLUSIVE MODE; SELECT 1"}
WAITING = {"copy": "vecferry/%/%/%", "finish": "vecferry/%/finish", "verify": "vecferry/%/verify"}


class Outage(unittest.TestCase):
    def setUp(self):
        self.database = SERVER.make_database()
        self.url = SERVER.url(self.database)

    def lock(self, stage):
        holder = subprocess.Popen(["psql", "-XqAt", self.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(holder.kill)
        self.addCleanup(holder.communicate)
        holder.stdin.write(f"{LOCK[stage]};\n")
        holder.stdin.flush()
        holder.stdout.readline()
        return holder

    def sessions(self, name, more="true"):
        return [int(row[0]) for row in SERVER.query(
            self.database, f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {more} AND "
            f"application_name LIKE '{name}'")]

    def begin(self, stage):
        """A command that is held up in the stage."""
        run(*copy_words(STORE, self.url), env=environment(VECFERRY_FAULT="coordinator.after_plan_store:1"))
        SERVER.psql(self.database, HOLD_UP[stage])
        holder = self.lock(stage)
        words = copy_words(STORE, self.url, "--progress", "none", "--batch-size", "100")
        process = subprocess.Popen([PROGRAM, *words], env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        while not self.sessions(WAITING[stage], "wait_event_type = 'Lock'"):
            self.assertIsNone(process.poll(), "it ended before it was held up")
        return process, holder

    def goes_on(self, stage, take_away):
        process, holder = self.begin(stage)
        take_away()
        holder.kill()
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("VERIFIED", output)
        self.assertEqual(compare_store(STORE, SERVER, self.database), [])
        again = run(*copy_words(STORE, self.url, "--report", "-"))
        self.assertEqual((again.returncode, json.loads(again.stdout)["totals"]["inserted"]), (0, 0), again.stderr)
        return errors

    def test_each_kind_of_session(self):
        for stage, name in (("copy", "vecferry/coordinator"), ("copy", "vecferry/%"), ("copy", WAITING["copy"]),
                            ("finish", "vecferry/coordinator"), ("finish", WAITING["finish"]),
                            ("verify", "vecferry/coordinator"), ("verify", WAITING["verify"])):
            with self.subTest(stage=stage, name=name):
                self.setUp()

                def take_away(name=name):
                    gone = self.sessions(name)
                    for pid in gone:
                        SERVER.psql(self.database, f"SELECT pg_terminate_backend({pid})")
                    while set(gone) & set(self.sessions(name)):
                        pass
                errors = self.goes_on(stage, take_away)
                # A writer's stream is opened again by its reader.
                self.assertEqual("the destination is reached again" in errors, name != WAITING["copy"])

    def test_a_restart_of_the_server(self):
        for stage, mode in (("copy", "immediate"), ("finish", "immediate"), ("verify", "fast")):
            with self.subTest(stage=stage, mode=mode):
                self.setUp()
                self.goes_on(stage, lambda mode=mode: SERVER.restart(mode))


unittest.main()
