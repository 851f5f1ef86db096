"""Runs a process and says what it cost: seconds, CPU seconds, peak memory."""
import os
import subprocess
import threading
import time
from dataclasses import dataclass


class BenchError(Exception):
    """Something that the caller of tools/bench has to know; the message says what to do."""


@dataclass
class Cost:
    seconds: float        # what is measured: from the first byte to the last commit
    wall_seconds: float   # the whole process
    cpu_seconds: float    # user + system of the whole process, without the server
    peak_bytes: int

    def as_json(self):
        return {"seconds": round(self.seconds, 4), "wall_seconds": round(self.wall_seconds, 4),
                "cpu_seconds": round(self.cpu_seconds, 3), "peak_bytes": self.peak_bytes}


class Process:
    """A child whose peak memory is watched. VmHWM belongs to the program itself; ru_maxrss can start at the size of
    the parent it was forked from, so it is used only for a process too short to be seen."""

    def __init__(self, command, **options):
        self.command, self.started = command, time.monotonic()
        self.child = subprocess.Popen(command, **options)
        self.peak_bytes = 0
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def _watch(self):
        while not self._done.is_set():
            try:
                with open(f"/proc/{self.child.pid}/status", encoding="ascii", errors="replace") as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.peak_bytes = max(self.peak_bytes, int(line.split()[1]) * 1024)
            except OSError:
                pass
            self._done.wait(0.02)

    def wait(self):
        """Waits for the end; returns (exit code, Cost). The Cost's `seconds` is the wall time until told better."""
        _, status, usage = os.wait4(self.child.pid, 0)
        wall = time.monotonic() - self.started
        self._done.set()
        self._watcher.join()
        code = os.waitstatus_to_exitcode(status)
        self.child.returncode = code
        return code, Cost(wall, wall, usage.ru_utime + usage.ru_stime, self.peak_bytes or usage.ru_maxrss * 1024)


def run(command, log_path, codes=(0,), **options):
    """Runs a command with its output in a log; BenchError with the log's end when its exit code is none of `codes`."""
    with open(log_path, "wb") as log:
        code, cost = Process(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options).wait()
    if code not in codes:
        raise BenchError(f"{command[0]} ended with {code}; the end of {log_path}:\n{tail(log_path)}")
    return cost


def tail(path, lines=15):
    with open(path, encoding="utf-8", errors="replace") as log:
        return "".join("  " + line for line in log.readlines()[-lines:])
