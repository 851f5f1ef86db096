"""Kills, stops and drains services at random instants while a migration runs through them, starts them again, and
compares source and destination by SQL that never reads the ledger: every row exactly once, each time. The command that
watches must end with 0.

Usage: services_kill_test.py [--kills N] [--seed S] [--rows N]
The printed seed replays the choices; instants still depend on the machine.
"""
import argparse
import pathlib
import random
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import PROGRAM, Server, compare_store, environment, make_store, scratch_folder  # noqa: E402

KILLS_A_TRIAL = 12
WAIT_MAX = 0.6  # seconds between two of them
END_MAX = 300  # seconds for a migration that nobody disturbs any more


class Failure(Exception):
    pass


class Trial:
    """One migration into a database of its own, through services that are not left in peace."""

    def __init__(self, server, store, picker):
        self.server, self.store, self.picker = server, store, picker
        self.database = server.make_database()
        self.apart = picker.choice((True, False))
        self.services = services.start(server, self.database, readers=2, writers=2, streams=2, apart=self.apart)
        self.done = []  # what was done to whom, for the message of a failure

    def run(self, kills):
        words = services.copy_words(self.store, self.services, "--batch-size", "20", "--max-connections", "6")
        with open(self.services.folder / "copy.log", "w", encoding="utf-8") as log:
            copy = subprocess.Popen([PROGRAM, *words], env=environment(), stdout=log, stderr=log)
        try:
            while len(self.done) < kills and not self.ended(copy, self.picker.uniform(0, WAIT_MAX)):
                self.disturb(copy)
            if not self.ended(copy, END_MAX):
                raise Failure(self.tell("does not end"))
        finally:
            copy.kill()
            copy.wait()
            self.services.stop()
        if copy.returncode != 0:
            raise Failure(self.tell(f"exit code {copy.returncode}"))
        problems = compare_store(self.store, self.server, self.database)
        if problems:
            raise Failure(self.tell("\n".join(problems)))
        return len(self.done)

    @staticmethod
    def ended(process, seconds):
        try:
            process.wait(timeout=seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def disturb(self, copy):
        member = self.picker.choice(self.services.members)
        what = self.picker.choice(("kill", "kill", "stop", "drain"))
        self.done.append(f"{what} {member.name}")
        if what == "stop":
            member.send(signal.SIGSTOP)
            self.ended(copy, self.picker.uniform(0, 3))
            member.send(signal.SIGCONT)
            return
        code = member.end(signal.SIGKILL if what == "kill" else signal.SIGTERM)
        if what == "drain" and code != 0:
            raise Failure(self.tell(f"{member.name} drained with exit code {code}"))
        member.start()

    def tell(self, problem):
        logs = "".join(f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
                       for path in sorted(self.services.folder.glob("*.log")))
        where = "apart" if self.apart else "together"
        return f"{problem}\n{where}, after: {', '.join(self.done)}\n{logs}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--rows", type=int, default=20000)
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    picker = random.Random(given.seed)
    server = Server()
    store = scratch_folder() / "store.db"
    make_store(store, given.rows, seed=given.seed)
    done = trials = 0
    while done < given.kills:
        try:
            done += Trial(server, store, picker).run(min(KILLS_A_TRIAL, given.kills - done))
        except Failure as failure:
            print(f"FAILED: seed {given.seed}: {failure}")
            return 1
        trials += 1
        if trials > given.kills:
            print("FAILED: migrations end before anything is done to them")
            return 1
    print(f"{done} kills, stops and drains in {trials} migrations: every row exactly once")
    return 0


sys.exit(main())
