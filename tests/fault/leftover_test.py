"""Killed in the middle of a stage, the command leaves no statement behind that goes on: the server ends it within 10 s,
whether it runs or waits for a lock. The same command goes on, also at once, while the server still has what is left."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import Server  # noqa: E402
from held import STAGES, Held, make_source  # noqa: E402

SERVER = Server()
SECONDS_MAX = 10


class Leftovers(unittest.TestCase):
    def test_in_every_stage(self):
        source = make_source()
        held = {name: Held(self, SERVER, source, name) for name in STAGES}
        for process in [one.start() for one in held.values()]:
            process.kill()
        left = {name: one.sessions() for name, one in held.items()}
        for process in [one.start(former=left[name]) for name, one in held.items()]:
            process.kill()
        end = time.monotonic() + SECONDS_MAX
        left = held
        while left and time.monotonic() < end:
            left = {name: one for name, one in left.items() if one.sessions()}
        self.assertEqual({name: one.sessions() for name, one in left.items()}, {})
        for name, one in held.items():
            with self.subTest(name):
                one.release()
                one.go_on()


unittest.main()
