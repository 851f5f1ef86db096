"""A command that is held up in a stage of its migration, for tests that take something away from it there."""
import subprocess
import unittest

from command import PROGRAM, copy_words, environment, run

# Each holds the stage up by the advisory lock 42, which a session of the test has, or by a lock on a table.
GATE = """
    CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(42); RETURN true; END $$;
    CREATE FUNCTION public.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      PERFORM public.gate(); RETURN coalesce(NEW, OLD); END $$;"""
HOLD_UP = {
    "copy": GATE + """
        CREATE TRIGGER shut BEFORE UPDATE ON vecferry.shard FOR EACH ROW WHEN (NEW.rows_read > 500)
          EXECUTE FUNCTION public.shut()""",
    "orphans": GATE + """
        CREATE TRIGGER shut BEFORE DELETE ON public.chunks FOR EACH ROW EXECUTE FUNCTION public.shut()""",
    "finish": "SELECT",
    # Once. A view in place of a table is a difference at every level but counts.
    "verify": GATE + """
        CREATE FUNCTION public.make_view() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF NEW.state = 'VERIFYING' AND to_regclass('public.was_held_up') IS NULL THEN
            CREATE TABLE public.was_held_up ();
            ALTER TABLE public.settings RENAME TO settings_behind;
            CREATE VIEW public.settings AS SELECT * FROM public.settings_behind WHERE public.gate();
          ELSIF OLD.state = 'VERIFYING' AND to_regclass('public.settings_behind') IS NOT NULL THEN
            DROP VIEW public.settings;
            ALTER TABLE public.settings_behind RENAME TO settings;
          END IF;
          RETURN NEW; END $$;
        CREATE TRIGGER make_view BEFORE UPDATE ON vecferry.migration FOR EACH ROW
          WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION public.make_view()""",
}
ADVISORY = "SELECT pg_advisory_lock(42)"
LOCK = {"copy": ADVISORY, "orphans": ADVISORY, "verify": ADVISORY,
        "finish": "BEGIN; LOCK TABLE public.chunks IN ROW EXCLUSIVE MODE; SELECT 1"}
WAITING = {"copy": "vecferry/%/%/%", "orphans": "vecferry/%/finish", "finish": "vecferry/%/finish",
           "verify": "vecferry/%/verify"}


class HeldUp(unittest.TestCase):
    """With `server`, `store`, and `database` set."""

    def lock(self, sql):
        """A session that has run `sql`; its lock goes with it."""
        holder = subprocess.Popen(["psql", "-XqAt", self.server.url(self.database)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(holder.kill)
        self.addCleanup(holder.communicate)
        holder.stdin.write(f"{sql};\n")
        holder.stdin.flush()
        holder.stdout.readline()
        return holder

    def sessions(self, name, more="true"):
        return [int(row[0]) for row in self.server.query(
            self.database, f"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {more} AND "
            f"application_name LIKE '{name}'")]

    def start(self, words):
        process = subprocess.Popen([PROGRAM, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.kill)
        return process

    def await_waiting(self, process, name):
        """Until a session of this name waits for a lock."""
        while not self.sessions(name, "wait_event_type = 'Lock'"):
            if process.poll() is not None:
                self.fail(f"it ended before it was held up: {process.communicate()}")

    def begin(self, stage, url=None):
        """A command, reaching its destination by `url`, that is held up in the stage; and who holds it up."""
        url = url or self.server.url(self.database)
        run(*copy_words(self.store, url), env=environment(VECFERRY_FAULT="coordinator.after_plan_store:1"))
        self.server.psql(self.database, HOLD_UP[stage])
        holder = self.lock(LOCK[stage])
        level = ["--verify-level", "counts"] if stage == "verify" else []
        process = self.start(copy_words(self.store, url, "--progress", "none", "--batch-size", "100", *level))
        self.await_waiting(process, WAITING[stage])
        return process, holder

    def end_sessions(self, pids):
        """And waits until they are gone."""
        for pid in pids:
            self.server.psql(self.database, f"SELECT pg_terminate_backend({pid})")
        while set(pids) & set(self.sessions("%")):
            pass
