"""The chart on a cluster that runs it: a migration from `helm install` to `helm uninstall`, its exit code, and what
happens to its pods in the middle. Every row arrives exactly once, by SQL that never reads the ledger.

Usage: kubernetes_test.py [test ...], as unittest has it; VECFERRY_TEST_SEED replays the choices. What it needs:
docs/kubernetes.md.
"""
import os
import pathlib
import random
import sqlite3
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import kubernetes  # noqa: E402
from command import compare_store, make_store, scratch_folder  # noqa: E402
from held import lock  # noqa: E402
from kubernetes import ROLES, Destination, Release, wait_for  # noqa: E402

kubernetes.skip_without_cluster()

SEED = int(os.environ.get("VECFERRY_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
print(f"VECFERRY_TEST_SEED={SEED}", flush=True)
ROWS = 8000
BETWEEN = 3  # seconds from one deleted pod to the next
SMALL = [f"{role}.resources.requests.{one}" for role in ROLES for one in ("cpu=10m", "memory=32Mi")]  # for one node
SMALL_BATCHES = "migration.options={--batch-size=20,--max-connections=8}"
DESTINATION = Destination()
SERVER = DESTINATION.server


def new_store(rows, **options):
    path = scratch_folder() / "store.db"
    make_store(path, rows, seed=SEED, **options)
    return path


# Over 64 MiB of vectors: several shards, work for four readers. Rows so wide that few of them lie in buffers.
STORE = new_store(ROWS, dimension=2100)
# Each row takes 5 ms, so that a migration has a middle.
SLOW = """
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$;
    CREATE FUNCTION public.slow_down() RETURNS event_trigger LANGUAGE plpgsql AS $$
    DECLARE made text; BEGIN
      FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands()
                  WHERE schema_name = 'public' AND object_type = 'table' LOOP
        EXECUTE format('CREATE TRIGGER slow BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION public.slow()', made);
      END LOOP; END $$;
    CREATE EVENT TRIGGER slow_down ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.slow_down()"""


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.picker = random.Random(f"{SEED} {self.id()}")
        self.begun = time.monotonic()
        self.database = SERVER.make_database()
        self.addCleanup(lambda: print(f"{self.id()}: {time.monotonic() - self.begun:.0f} s", flush=True))

    def slow_release(self, *values):
        SERVER.psql(self.database, SLOW)
        return self.release(STORE, SMALL_BATCHES, *values)

    def release(self, store, *values, tls=False):
        """A release whose services are ready, and that leaves nothing when the test ends."""
        release = Release(self._testMethodName.split("_")[1], store, DESTINATION.url(self.database),
                          DESTINATION.proxy.port, [*SMALL, *values])
        if tls:
            release.use_tls()
        wait_for("the namespace's own objects", lambda: {"serviceaccount/default", "configmap/kube-root-ca.crt"}
                 <= release.everything())
        self.before = release.everything()
        release.install()
        self.addCleanup(release.remove)
        return release

    def leaves_nothing(self, release):
        release.uninstall()
        wait_for("nothing is left", lambda: release.everything() == self.before, 90,
                 tell=lambda: f"left: {release.everything() - self.before}, gone: {self.before - release.everything()}")

    def query(self, sql):
        return SERVER.query(self.database, sql)

    def arrived(self):
        """How many rows of the store's large tables are there."""
        if self.query("SELECT to_regclass('public.documents') IS NULL OR to_regclass('public.chunks') IS NULL")[0][0] == "t":
            return 0
        return int(self.query("SELECT (SELECT count(*) FROM documents) + (SELECT count(*) FROM chunks)")[0][0])

    def reach_the_middle(self, release):
        wait_for("the first rows", lambda: release.ended() or self.arrived() > 0, tell=release.tell)
        self.assertEqual(release.ended(), [])

    def in_the_middle(self):
        self.assertLess(self.arrived(), 2 * ROWS, "the migration was over too soon")

    def arrives(self, release, store=STORE):
        ended, code = release.end()
        self.assertEqual((ended["type"], code), ("Complete", 0), f"{ended}\n{release.tell()}")
        self.assertEqual(compare_store(store, SERVER, self.database), [])
        self.assertEqual(self.query("SELECT count(*), min(state) FROM vecferry.migration"), [["1", "VERIFIED"]])
        self.leaves_nothing(release)

    def test_install_over_tls(self):
        store = new_store(3000)
        release = self.release(store, tls=True)
        tested = release.helm("test", release.name)
        self.assertIn("Succeeded", tested)
        release.migrate()
        ended, code = release.end()
        self.assertEqual((ended["type"], code), ("Complete", 0), release.tell())
        tested = release.helm("test", release.name)
        self.assertIn("VERIFIED", tested, "its log is part of what helm says")
        self.arrives(release, store)

    def test_exit_codes(self):
        store = new_store(300)
        with sqlite3.connect(store) as connection:
            connection.execute("INSERT INTO chunks(document_id, body) VALUES (999999, 'of nobody')")
        connection.close()
        release = self.release(store)
        for values, code, pods, reason in ((["migration.file=missing.db", "migration.backoffLimit=1"], 1, 2, "BackoffLimit"),
                                           (["migration.options={--batch-size=0}"], 2, 1, "PodFailurePolicy"),
                                           (["migration.options={--max-rejects=10}"], 3, 1, "PodFailurePolicy")):
            with self.subTest(code=code):
                release.migrate(*values)
                ended, found = release.end()
                self.assertEqual((ended["type"], found), ("Failed", code), f"{ended}\n{release.tell()}")
                self.assertIn(reason, ended["reason"])
                self.assertEqual(len(release.pods("migration")), pods)
        self.assertEqual(self.query("SELECT count(*), count(DISTINCT id) FROM chunks"), [["300", "300"]])
        self.leaves_nothing(release)

    def test_scaling_readers(self):
        release = self.slow_release("reader.replicas=1", "reader.streams=1")
        release.migrate()
        self.reach_the_middle(release)
        release.kubectl("scale", f"deployment/{release.name}-vecferry-reader", "--replicas=4")
        release.kubectl("rollout", "status", f"deployment/{release.name}-vecferry-reader", "--timeout=120s")
        readers = [pod["metadata"]["name"] for pod in release.pods("reader")]
        self.assertEqual(len(readers), 4)
        self.in_the_middle()
        wait_for("each reader carries rows", lambda: all(release.metric(one, "vecferry_reader_rows_total") for one in readers),
                 tell=release.tell)
        self.arrives(release)

    def test_deleting_pods(self):
        release = self.slow_release("coordinator.replicas=2")
        release.migrate()
        self.reach_the_middle(release)
        deleted = []
        while self.arrived() < 2 * ROWS:
            if release.ended() or len(deleted) > 100:
                self.fail(f"after {deleted}: {release.tell()}")
            pods = [pod["metadata"]["name"] for role in (*ROLES, "migration") for pod in release.pods(role)
                    if pod["status"]["phase"] == "Running"]
            deleted.append(self.picker.choice(pods))
            at_once = ["--grace-period=0", "--force"] if self.picker.choice((True, False)) else []
            release.kubectl("delete", "pod", deleted[-1], "--wait=false", "--ignore-not-found", *at_once)
            next_one = time.monotonic() + BETWEEN
            wait_for("the time", lambda: time.monotonic() > next_one)
        print(f"deleted {len(deleted)} pods: {', '.join(deleted)}", flush=True)
        self.assertGreater(len(deleted), 3)
        self.arrives(release)

    def test_upgrade(self):
        release = self.slow_release("reader.replicas=1")
        release.migrate()
        self.reach_the_middle(release)
        jobs = {release.job()["metadata"]["name"]}
        pods = {role: {pod["metadata"]["name"] for pod in release.pods(role)} for role in ROLES}
        # Other values of every Deployment, and of the Job: all pods are replaced, also the one that watches.
        release.install("logLevel=debug", "migration.backoffLimit=7")
        self.in_the_middle()
        self.assertTrue(jobs.isdisjoint({release.job()["metadata"]["name"]}))
        for role, old in pods.items():
            self.assertTrue(old.isdisjoint({pod["metadata"]["name"] for pod in release.pods(role)}), role)
        self.arrives(release)

    def test_oom_killed_writer(self):
        store = new_store(1200, dimension=16000)
        limits = "writer.resources.limits.memory="
        release = self.release(store, "reader.replicas=0", "writer.replicas=1", limits + "24Mi",
                               "writer.resources.requests.memory=16Mi")
        release.migrate()
        wait_for("the tables", lambda: self.query("SELECT to_regclass('public.documents') IS NOT NULL")[0][0] == "t")
        # What the writer may not commit it has to keep.
        holder = lock(self, SERVER.url(self.database), "LOCK TABLE public.documents IN SHARE MODE")
        release.kubectl("scale", f"deployment/{release.name}-vecferry-reader", "--replicas=2")
        wait_for("a writer is killed", lambda: [
            pod for pod in release.pods("writer") for one in pod["status"].get("containerStatuses", [])
            if "OOMKilled" in (one[when].get("terminated", {}).get("reason") for when in ("state", "lastState"))])
        holder.kill()
        self.assertEqual(self.query("SELECT count(*) FROM documents"), [["0"]])
        release.install(limits + "1Gi", "reader.replicas=2")
        self.arrives(release, store)


if __name__ == "__main__":
    unittest.main(verbosity=2)
