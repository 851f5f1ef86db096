"""The chart on a cluster that runs it: a migration from `helm install` to `helm uninstall`, its exit code, and what
happens to its pods in the middle. Every row arrives exactly once, by SQL that never reads the ledger.

Usage: kubernetes_test.py [test ...], as unittest has it; VECFERRY_TEST_SEED replays the choices. What it needs:
docs/kubernetes.md.
"""
import contextlib
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


# Over 64 MiB of vectors: several shards, work for four readers. Rows so wide that few of them lie in buffers: what was sent
# and not committed is lost with a pod, and a whole table of narrow rows is sent at once.
STORE = new_store(ROWS, dimension=2100, words=1400)
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

    @contextlib.contextmanager
    def release(self, store, *values, tls=False):
        """A release whose services are ready. Uninstalled, it leaves nothing; a failure tells what became of it."""
        release = Release(self._testMethodName.split("_")[1], store, DESTINATION.url(self.database),
                          DESTINATION.proxy.port, [*SMALL, *values])
        self.addCleanup(release.remove)
        if tls:
            release.use_tls()
        wait_for("the namespace's own objects", lambda: {"serviceaccount/default", "configmap/kube-root-ca.crt"}
                 <= release.everything())
        before = release.everything()
        try:
            release.install()
            yield release
            release.uninstall()
            wait_for("nothing is left", lambda: release.everything() == before, 90,
                     tell=lambda: f"left: {release.everything() - before}, gone: {before - release.everything()}")
        except Exception:
            print(f"\n{self.id()}, a failure's surroundings:\n{release.tell()}\n{self.ledger()}", flush=True)
            raise

    def query(self, sql):
        return SERVER.query(self.database, sql)

    def ledger(self):
        """For the message of a failure."""
        try:
            return SERVER.psql(self.database, """
                SELECT id, state, failure, resumed, started_at, finished_at, coordinator_host FROM vecferry.migration;
                SELECT migration_id, at, kind, detail FROM vecferry.event ORDER BY id;
                SELECT migration_id, shard, lease_owner, lease_epoch, next_sequence, done, rows_read, inserted FROM vecferry.shard
                ORDER BY migration_id, shard""")
        except AssertionError as error:
            return f"no ledger: {error}"

    def arrived(self):
        """How many rows of the store's large tables are there."""
        if self.query("SELECT to_regclass('public.documents') IS NULL OR to_regclass('public.chunks') IS NULL")[0][0] == "t":
            return 0
        return int(self.query("SELECT (SELECT count(*) FROM documents) + (SELECT count(*) FROM chunks)")[0][0])

    def reach_the_middle(self, release):
        wait_for("the first rows", lambda: release.ended() or self.arrived() > 0)
        self.assertEqual(release.ended(), [])

    def in_the_middle(self):
        self.assertLess(self.arrived(), 2 * ROWS, "the migration was over too soon")

    def arrives(self, release, store=STORE, seconds=300):
        """Every row is there once. Returns what the Job's further migrations were, in their order."""
        ended, code = release.end(seconds)
        self.assertEqual((ended["type"], code), ("Complete", 0), ended)
        self.assertEqual(compare_store(store, SERVER, self.database), [])
        (state, *_), *further = self.query("""
            SELECT state, started_at > lag(finished_at) OVER (ORDER BY started_at) AS after_the_last,
                   (SELECT sum(inserted) FROM vecferry.shard WHERE migration_id = id) AS inserted
            FROM vecferry.migration ORDER BY started_at""")
        self.assertEqual(state, "VERIFIED")
        return further

    def test_install_over_tls(self):
        store = new_store(3000)
        with self.release(store, tls=True) as release:
            self.assertIn("Succeeded", release.helm("test", release.name))
            release.migrate()
            self.assertEqual(self.arrives(release, store), [])
            self.assertIn("VERIFIED", release.helm("test", release.name), "its log is part of what helm says")

    def test_exit_codes(self):
        store = new_store(300)
        with sqlite3.connect(store) as connection:
            connection.execute("INSERT INTO chunks(document_id, body) VALUES (999999, 'of nobody')")
        connection.close()
        with self.release(store) as release:
            for values, code, pods, reason in (
                    (["migration.file=missing.db", "migration.backoffLimit=1"], 1, 2, "BackoffLimit"),
                    (["migration.options={--batch-size=0}"], 2, 1, "PodFailurePolicy"),
                    (["migration.options={--max-rejects=10}"], 3, 1, "PodFailurePolicy")):
                release.migrate(*values)
                ended, found = release.end()
                self.assertEqual((ended["type"], found), ("Failed", code), ended)
                self.assertIn(reason, ended["reason"], f"of code {code}")
                self.assertEqual(len(release.pods("migration")), pods, f"of code {code}")
            self.assertEqual(self.query("SELECT count(*), count(DISTINCT id) FROM chunks"), [["300", "300"]])

    def test_scaling_readers(self):
        with self.slow_release("reader.replicas=1", "reader.streams=1") as release:
            release.migrate()
            self.reach_the_middle(release)
            release.kubectl("scale", f"deployment/{release.name}-vecferry-reader", "--replicas=4")
            release.kubectl("rollout", "status", f"deployment/{release.name}-vecferry-reader", "--timeout=120s")
            readers = [pod["metadata"]["name"] for pod in release.pods("reader")]
            self.assertEqual(len(readers), 4)
            self.in_the_middle()
            wait_for("each reader carries rows",
                     lambda: all(release.metric(one, "vecferry_reader_rows_total") for one in readers))
            self.assertEqual(self.arrives(release), [])

    def test_deleting_pods(self):
        with self.slow_release("coordinator.replicas=2") as release:
            release.migrate()
            self.reach_the_middle(release)
            while self.arrived() < 2 * ROWS:
                self.assertEqual(release.ended(), [])
                self.assertLess(len(release.deleted), 100)
                pods = [pod["metadata"]["name"] for role in (*ROLES, "migration") for pod in release.pods(role)
                        if pod["status"]["phase"] == "Running"]
                release.delete(self.picker.choice(pods),
                               *(["--grace-period=0", "--force"] if self.picker.choice((True, False)) else []))
                next_one = time.monotonic() + BETWEEN
                wait_for("the time", lambda: time.monotonic() > next_one)
            print(f"deleted {len(release.deleted)} pods: {', '.join(release.deleted)}", flush=True)
            self.assertGreater(len(release.deleted), 3)
            # The Job's next pod comes after 10 s, then each time after twice as long. Where the migration has ended
            # meanwhile, it asks for it anew: a migration of its own, which finds every row.
            last_pause = 10 * 2 ** sum("-migration-" in pod for pod in release.deleted)
            further = self.arrives(release, seconds=300 + last_pause)
            print(f"further migrations: {further}", flush=True)
            self.assertEqual(further, [["VERIFIED", "t", "0"]] * len(further))

    def test_upgrade(self):
        with self.slow_release("reader.replicas=1") as release:
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
            self.assertEqual(self.arrives(release), [])

    def test_oom_killed_writer(self):
        store = new_store(1200, dimension=16000)
        limits = "writer.resources.limits.memory="
        with self.release(store, "reader.replicas=0", "writer.replicas=1", limits + "24Mi",
                          "writer.resources.requests.memory=16Mi") as release:
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
            self.assertEqual(self.arrives(release, store), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
