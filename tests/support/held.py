"""A copy that is held up in the middle of one stage, by another session's locks or by a statement that does not end."""
import dataclasses
import shutil
import sqlite3
import subprocess

from command import PROGRAM, compare_store, copy_words, environment, make_store, run, scratch_folder

ORPHANS = 10


def make_source():
    """A store whose tables come whole but for notes of nobody: a copy of it ends with 3."""
    path = scratch_folder() / "source.db"
    make_store(path, 600)
    store = sqlite3.connect(path)
    store.executescript(f"""
        CREATE TABLE people(id INTEGER PRIMARY KEY);
        CREATE TABLE notes(id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id));
        INSERT INTO people VALUES (1);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
          INSERT INTO notes SELECT i, CASE WHEN i <= {ORPHANS} THEN 77 ELSE 1 END FROM n;""")
    store.close()
    return path


def start(case, words):
    """The command, running; it ends with the test."""
    process = subprocess.Popen([PROGRAM, *words], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    case.addCleanup(process.communicate)
    case.addCleanup(process.kill)
    return process


def lock(case, url, sql):
    """A session that keeps what `sql` locked until it is killed."""
    holder = subprocess.Popen(["psql", "-XqAt", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    case.addCleanup(holder.communicate)
    case.addCleanup(holder.kill)
    holder.stdin.write(f"BEGIN; {sql}; SELECT 1;\n")
    holder.stdin.flush()
    holder.stdout.readline()
    return holder


@dataclasses.dataclass
class Stage:
    dies_at: str       # where a first run ends; "" = there is none; "end": it ends by itself
    lock: str          # what another session holds
    waiting: str       # how the session that is held up is found
    setup: str = ""    # what the destination is given between the two
    undo: str = ""     # and what takes it away
    change: str = ""   # what happens to the source meanwhile
    command: str = "migrate copy"


GATE = """
    CREATE FUNCTION public.gate() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      PERFORM pg_advisory_xact_lock_shared(42); RETURN true; END $$;"""
LOCK_GATE = "DO 'BEGIN PERFORM pg_advisory_lock(42); END'"
AT_FINISH = "application_name LIKE 'vecferry/%/finish'"

STAGES = {
    "plan": Stage("", "CREATE SCHEMA vecferry",
                  "application_name = 'vecferry/coordinator' AND wait_event_type = 'Lock'"),
    "copy": Stage("coordinator.after_plan_store", "LOCK TABLE public.documents",
                  "application_name LIKE 'vecferry/%/%/%' AND wait_event_type = 'Lock'"),
    "reconcile": Stage("coordinator.before_finish", "LOCK TABLE public.documents IN ACCESS SHARE MODE",
                       f"{AT_FINISH} AND wait_event_type = 'Lock'",
                       change="UPDATE documents SET title = 'changed' WHERE id = 7"),
    "orphans": Stage("coordinator.before_finish", LOCK_GATE, f"{AT_FINISH} AND wait_event = 'advisory'",
                     setup=GATE + """
                         CREATE FUNCTION public.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                           PERFORM public.gate(); RETURN OLD; END $$;
                         CREATE TRIGGER shut BEFORE DELETE ON public.notes FOR EACH ROW EXECUTE FUNCTION public.shut()"""),
    "index": Stage("coordinator.before_finish", "", f"{AT_FINISH} AND wait_event = 'PgSleep'",
                   setup="""
                       CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                         PERFORM pg_sleep(3600); END $$;
                       CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE INDEX')
                         EXECUTE FUNCTION public.slow()""",
                   undo="DROP EVENT TRIGGER slow"),
    # The verifier's count of a table waits: the table is a view of itself as long as the checks go on, which is a
    # difference at every level but counts.
    "verify": Stage("coordinator.before_verify", LOCK_GATE,
                    "application_name LIKE 'vecferry/%/verify' AND wait_event = 'advisory'",
                    setup=GATE + """
                        CREATE FUNCTION public.shut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                          IF NEW.state = 'VERIFYING' AND OLD.state <> 'VERIFYING' THEN
                            ALTER TABLE public.settings RENAME TO settings_behind;
                            CREATE VIEW public.settings AS SELECT * FROM public.settings_behind WHERE public.gate();
                          ELSIF to_regclass('public.settings_behind') IS NOT NULL THEN
                            DROP VIEW public.settings;
                            ALTER TABLE public.settings_behind RENAME TO settings;
                          END IF;
                          RETURN NEW; END $$;
                        CREATE TRIGGER shut BEFORE UPDATE ON vecferry.migration FOR EACH ROW
                          WHEN (NEW.state <> OLD.state OR NEW.coordinator_epoch <> OLD.coordinator_epoch)
                          EXECUTE FUNCTION public.shut()"""),
    "replay": Stage("end", "LOCK TABLE public.notes IN SHARE MODE",
                    "application_name = 'vecferry/replay' AND wait_event_type = 'Lock'",
                    setup="INSERT INTO public.people VALUES (77)", command="rejects replay"),
}


class Held:
    """One stage of STAGES, in a database of its own, on a copy of `source`, which make_source made."""

    def __init__(self, case, server, source, stage):
        self.case, self.server, self.stage = case, server, STAGES[stage]
        self.database = server.make_database()
        self.url = server.url(self.database)
        self.store = source.parent / f"{self.database}.db"
        shutil.copy(source, self.store)
        level = ["--verify-level", "counts"] if stage == "verify" else []
        self.words = copy_words(self.store, self.url, "--progress", "none", *level)
        if self.stage.dies_at:
            run(*self.words, env=environment(VECFERRY_FAULT=f"{self.stage.dies_at}:1"))
        if self.stage.command == "rejects replay":
            migration = server.query(self.database, "SELECT id FROM vecferry.migration")[0][0]
            self.words = ["rejects", "replay", migration, "--postgres-url", self.url]
        if self.stage.setup:
            server.psql(self.database, self.stage.setup)
        if self.stage.change:
            store = sqlite3.connect(self.store)
            store.execute(self.stage.change)
            store.commit()
            store.close()
        self.holder = lock(case, self.url, self.stage.lock)

    def sessions(self, condition="true"):
        """The command's own, as (process, what it does)."""
        return self.server.query(self.database, "SELECT pid, state || ': ' || left(query, 80) FROM pg_stat_activity WHERE "
                                 f"datname = current_database() AND application_name LIKE 'vecferry%' AND {condition}")

    def start(self, former=()):
        """The command, once it is held up. `former`: what sessions() told of another one."""
        process = start(self.case, self.words)
        while all(session in former for session in self.sessions(self.stage.waiting)):
            if process.poll() is not None:
                self.case.fail(f"it ended before it was held up: {process.communicate()}")
        return process

    def release(self):
        self.holder.kill()
        self.holder.wait()
        if self.stage.undo:
            self.server.psql(self.database, self.stage.undo)

    def go_on(self):
        """The same command again, which nothing holds up any more, and what has come then."""
        replay = self.stage.command == "rejects replay"
        done = run(*self.words)
        self.case.assertEqual(done.returncode, 0 if replay else 3, done.stderr + done.stdout)
        self.case.assertEqual(compare_store(self.store, self.server, self.database), [])
        notes = self.server.query(self.database, "SELECT count(*), count(DISTINCT id) FROM notes")
        self.case.assertEqual(notes, [["50" if replay else str(50 - ORPHANS)] * 2])
        rejected = self.server.query(self.database, "SELECT count(*) FROM vecferry.issues WHERE action = 'rejected'")
        self.case.assertEqual(rejected, [["0" if replay else str(ORPHANS)]])
