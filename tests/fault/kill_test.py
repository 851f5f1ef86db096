"""Kills the command and runs it again until it is done, then compares source and destination by SQL that never reads the
ledger: every row exactly once, nothing in the source changed. Then one more run, which must insert nothing.

Usage: kill_test.py [--points once|all] [--kills N] [--seed S] [--rows N]
  --points   dies at every named fault point: once, at its first or at a later pass; or at both
  --kills N  dies at N random instants
The printed seed replays the choices; instants still depend on the machine.
"""
import argparse
import json
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import (PROGRAM, Server, compare_store, copy_words, environment, file_hashes,  # noqa: E402
                     make_store, run, scratch_folder)

# docs/faults.md. With each: a pass later than the first that a run of this store surely has.
POINTS = {
    "coordinator.before_plan_store": 1, "coordinator.after_plan_store": 1, "coordinator.after_lease": 3,
    "coordinator.before_finish": 1, "coordinator.in_finish": 3, "coordinator.after_step": 4,
    "coordinator.before_verify": 1, "verifier.in_checks": 3, "coordinator.before_end_state": 1,
    "reader.after_acquire": 3, "reader.before_send": 9, "reader.after_send": 7,
    "reader.before_complete": 3, "writer.before_copy": 3, "writer.in_copy": 3, "writer.after_copy_before_commit": 3,
    "writer.after_commit_before_ack": 3,
}
TUNINGS = [[], ["--batch-size", "37"], ["--batch-size", "400", "--writers", "1"], ["--writers", "2"], ["--batch-size", "11"]]


class Failure(Exception):
    pass


class Trial:
    """One migration into a database of its own."""

    def __init__(self, server, store, picker):
        self.server, self.store, self.picker = server, store, picker
        self.database = server.make_database()
        self.before = file_hashes(store)
        self.words = copy_words(store, server.url(self.database), "--progress", "none")

    def tuning(self):
        return self.picker.choice(TUNINGS)

    def die_at(self, point, number):
        done = run(*self.words, *self.tuning(), env=environment(VECFERRY_FAULT=f"{point}:{number}"))
        if done.returncode != -signal.SIGKILL:
            raise Failure(f"{point}:{number} was not passed: exit code {done.returncode}, {done.stderr}")

    def die_after(self, seconds):
        """True when it was killed before it ended by itself."""
        process = subprocess.Popen([PROGRAM, *self.words, *self.tuning()], env=environment(), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
        if process.returncode != 0:
            raise Failure(f"a run that was not killed ended with {process.returncode}")
        return False

    def finish(self):
        done = run(*self.words, *self.tuning(), "--report", "-")
        if done.returncode != 0:
            raise Failure(f"the same command ended with {done.returncode}: {done.stderr}")
        self.compare(json.loads(done.stdout))
        again = run(*self.words, "--report", "-")
        totals = json.loads(again.stdout)["totals"] if again.returncode == 0 else None
        if totals is None or totals["inserted"] != 0 or totals["already_present"] != totals["read"]:
            raise Failure(f"a second run is no repetition: exit code {again.returncode}, {totals}, {again.stderr}")
        self.server.psql("postgres", f"DROP DATABASE {self.database} WITH (FORCE)")

    def compare(self, report):
        problems = compare_store(self.store, self.server, self.database)
        if file_hashes(self.store) != self.before:
            problems.append("the source was changed")
        totals = report["totals"]
        if totals["read"] != sum(totals[name] for name in ("inserted", "already_present", "updated", "conflicting",
                                                           "rejected")):
            problems.append(f"the report does not add up: {totals}")
        if problems:
            raise Failure("; ".join(problems))


def every_point(server, store, picker, both):
    for point, later in POINTS.items():
        for number in sorted({1, later}) if both else [picker.choice((1, later))]:
            trial = Trial(server, store, picker)
            trial.die_at(point, number)
            trial.finish()
            print(f"{point}:{number}: every row once", flush=True)


def replay_points(server, picker, both):
    """Rejected rows, carried later: dies at the points of a replay, then compares."""
    store = scratch_folder() / "orphans.db"
    source = sqlite3.connect(store)
    source.executescript("""
        CREATE TABLE people(id INTEGER PRIMARY KEY);
        CREATE TABLE notes(id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id));
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
          INSERT INTO notes SELECT i, 7 FROM n;""")
    source.close()
    for point in ("replay.before_commit", "replay.after_commit"):
        for number in (1, 20) if both else [picker.choice((1, 20))]:
            trial = Trial(server, store, picker)
            if run(*trial.words).returncode != 3:
                raise Failure("notes without people were not rejected")
            migration = server.query(trial.database, "SELECT id FROM vecferry.migration")[0][0]
            server.psql(trial.database, "INSERT INTO people VALUES (7)")
            trial.words = ["rejects", "replay", migration, "--postgres-url", server.url(trial.database)]
            trial.tuning = list
            trial.die_at(point, number)
            done = run(*trial.words)
            if done.returncode != 0:
                raise Failure(f"the same replay ended with {done.returncode}: {done.stderr}")
            arrived = server.query(trial.database, "SELECT count(*), sum(id) FROM notes WHERE person = 7")
            counted = server.query(trial.database, "SELECT sum(inserted), sum(rejected) FROM vecferry.shard")
            if arrived != [["50", "1275"]] or counted != [["50", "0"]]:
                raise Failure(f"{point}:{number}: {arrived} arrived, {counted} counted")
            server.psql("postgres", f"DROP DATABASE {trial.database} WITH (FORCE)")
            print(f"{point}:{number}: every row once", flush=True)


def random_instants(server, store, picker, kills):
    if kills == 0:
        return
    trial = Trial(server, store, picker)
    began = time.monotonic()
    trial.finish()
    # A whole first run and a whole second: kills fall on all stages of the first, also on its last moments.
    duration = (time.monotonic() - began) / 2
    done, trial = 0, None
    while done < kills:
        trial = trial or Trial(server, store, picker)
        seconds = picker.uniform(0, duration * 1.1)
        killed = trial.die_after(seconds)
        done += killed
        # Half of the killed ones are killed again before they may finish.
        if not killed or picker.random() < 0.5 or done == kills:
            trial.finish()
            print(f"{done} of {kills} kills: every row once", flush=True)
            trial = None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", choices=("once", "all"))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--rows", type=int, default=2000)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    picker = random.Random(options.seed)
    server, store = Server(), scratch_folder() / "store.db"
    make_store(store, options.rows, seed=options.seed, dimension=32)
    try:
        if options.points:
            every_point(server, store, picker, options.points == "all")
            replay_points(server, picker, options.points == "all")
        random_instants(server, store, picker, options.kills)
    except Failure as failure:
        sys.exit(f"FAILED (seed {options.seed}): {failure}")


main()
