"""The four services as processes of their own: a migration through them, its report, pause and resume, a second one at
once, other coordinators, what is refused."""
import hashlib
import json
import pathlib
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import services  # noqa: E402
from command import PROGRAM, Server, compare_store, copy_words, environment, make_store, report_of, run, scratch_folder  # noqa: E402

VARYING = ("migration_id", "started_at", "finished_at", "seconds", "resumed", "trace_id")


def comparable(report):
    """What two runs over the same store must both say."""
    report = json.loads(json.dumps(report).replace(report["migration_id"], "ID"))  # checks say by what they asked
    kept = {name: value for name, value in report.items() if name not in VARYING}
    kept["totals"] = {name: value for name, value in kept["totals"].items() if not name.endswith("per_second")}
    kept["destination"] = {name: value for name, value in kept["destination"].items() if name != "url"}
    kept["indexes"] = [{name: value for name, value in index.items() if name != "seconds"} for index in kept["indexes"]]
    kept["recall"] = [{name: value for name, value in share.items() if not name.endswith("_ms")}
                      for share in kept["recall"]]
    return kept


class ClusterTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.store = scratch_folder() / "store.db"
        make_store(cls.store, 4000)

    def setUp(self):
        self.database = self.server.make_database()

    def start(self, **options):
        started = services.start(self.server, self.database, **options)
        self.addCleanup(started.stop)
        return started

    def remote(self, cluster, *words):
        return run(*services.remote_words("migrate", words[0], cluster, *words[1:]))

    def assert_arrived(self):
        self.assertEqual(compare_store(self.store, self.server, self.database), [])

    def test_carries_a_store_and_reports_as_one_command_does(self):
        cluster = self.start(readers=4, writers=4, streams=1, apart=True)
        page = scratch_folder() / "report.html"
        done, report = report_of(services.copy_words(self.store, cluster, "--max-connections", "6", "--report-html",
                                                     str(page)))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()
        text = page.read_text(encoding="utf-8")
        self.assertIn(">VERIFIED</h1>", text)
        for part in (report["migration_id"], str(self.store), "documents_embedding_hnsw"):
            self.assertIn(part, text)
        subprocess.run(["sha256sum", "--quiet", "-c", f"{page.name}.sha256"], cwd=page.parent, check=True)
        self.assertEqual(self.server.query(self.database, "SELECT report_sha256 FROM vecferry.migration"),
                         [[hashlib.sha256(page.read_bytes()).hexdigest()]])
        alone, expected = report_of(copy_words(self.store, self.server.url(self.server.make_database())))
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertEqual(comparable(report), comparable(expected))
        # Nothing of it is left in the scratch folders, and a further run inserts nothing.
        again, report = report_of(services.copy_words(self.store, cluster))
        self.assertEqual((again.returncode, report["totals"]["inserted"]), (0, 0), again.stderr)
        codes = cluster.stop()
        self.assertEqual(set(codes.values()), {0}, codes)
        left = [path.name for path in cluster.folder.glob("scratch-*/*") if "source" in path.name]
        self.assertEqual(left, [])

    def test_pauses_resumes_and_cancels(self):
        cluster = self.start(readers=0)  # nothing moves before there is one
        copy = subprocess.Popen([PROGRAM, *services.copy_words(self.store, cluster)], env=environment(), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(copy.communicate)
        self.addCleanup(copy.kill)
        for line in copy.stderr:
            if "starting migration" in line:
                break
        paused = self.remote(cluster, "pause")
        self.assertEqual(paused.returncode, 0, paused.stderr)
        self.assertIn("is PAUSED", paused.stdout)
        self.assertEqual(copy.wait(timeout=30), 130)
        self.assertIn("`vecferry migrate resume`", copy.stderr.read())
        self.assertIn("vecferry migrate resume", self.remote(cluster, "status").stdout)
        self.assertIn("ends here: PAUSED", cluster.of("coordinator")[0].log.read_text())
        status = self.remote(cluster, "status", "-o", "json")
        self.assertEqual(json.loads(status.stdout)["state"], "PAUSED")
        cancelled = self.remote(cluster, "cancel")
        self.assertIn("is CANCELLED", cancelled.stdout)
        cluster.add("reader", 0).start()
        resumed = self.remote(cluster, "resume")
        self.assertEqual(resumed.returncode, 0, resumed.stderr)
        watched = self.remote(cluster, "watch")
        if watched.returncode != 2:  # else it had ended before
            self.assertEqual(watched.returncode, 0, watched.stderr)
        done = run(*services.copy_words(self.store, cluster))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()

    def test_goes_on_without_the_command_and_is_watched_again(self):
        cluster = self.start(readers=0)
        words = services.copy_words(self.store, cluster)
        copy = subprocess.Popen([PROGRAM, *words], env=environment(), text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        for line in copy.stderr:
            if "starting migration" in line:
                break
        copy.send_signal(signal.SIGTERM)
        _, told = copy.communicate(timeout=10)
        self.assertEqual(copy.returncode, 130, told)
        self.assertIn("goes on at the coordinator", told)
        cluster.add("reader", 0).start()
        again = run(*words)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assert_arrived()

    def test_a_copy_that_is_damaged_while_it_is_read(self):
        """Readers and verifier read the same bytes: comparing would find both sides equal."""
        cluster = self.start(readers=0)
        words = services.copy_words(self.store, cluster)
        with subprocess.Popen([PROGRAM, *words], env=environment(), text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as copy:
            for line in copy.stderr:
                if "starting migration" in line:
                    break
            path, = (path for path in cluster.folder.glob("scratch*/vecferry-source-*.db"))
            place = path.read_bytes().index("Dokument 7 ".encode())
            with open(path, "r+b") as file:
                file.seek(place)
                file.write(b"d")
            cluster.add("reader", 0).start()
            errors = copy.stderr.read()
            self.assertEqual(copy.wait(), 1, errors)
        self.assertIn("its checksum differs", errors)
        self.assertIn(path.name, errors)
        # What was carried is held against another copy, and named.
        again, report = report_of(words)
        self.assertEqual(again.returncode, 4, again.stderr)
        self.assertEqual([(one["kind"], one["table"], one["key"], one["columns"]) for one in report["differences"]],
                         [("differing", "documents", {"id": 7}, "title")])
        repaired = run("verify", "--repair", "--postgres-url", self.server.url(self.database))
        self.assertEqual(repaired.returncode, 0, repaired.stderr)
        self.assert_arrived()

    def test_two_migrations_at_once(self):
        cluster = self.start()
        running = [subprocess.Popen([PROGRAM, *services.copy_words(self.store, cluster, "--schema", schema)],
                                    env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
                   for schema in ("one", "two")]
        for process in running:
            _, told = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, told)
        for schema in ("one", "two"):
            self.assertEqual(compare_store(self.store, self.server, self.database, schema), [])

    def test_a_second_coordinator_takes_over(self):
        cluster = self.start(coordinators=2, readers=0)
        first, second = cluster.of("coordinator")
        copy = subprocess.Popen([PROGRAM, *services.copy_words(self.store, cluster)], env=environment(), text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for line in copy.stderr:
            if "starting migration" in line:
                break
        first.end(signal.SIGKILL)
        copy.kill()
        copy.communicate()
        cluster.add("reader", 0).start()
        # The same command at the other one: it takes the migration up, or has done so already.
        words = services.copy_words(self.store, cluster)
        words[words.index("--coordinator") + 1] = second.address
        done, report = report_of(words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_arrived()
        events = self.server.query(self.database, "SELECT count(*) FROM vecferry.event WHERE kind = 'coordinator'")
        self.assertEqual(events, [["2"]])

    def test_is_one_trace_through_all_four(self):
        folder = scratch_folder()
        collector = subprocess.Popen([str(pathlib.Path(PROGRAM).parent.parent / "tests" / "otlp_collector"),
                                      str(folder / "spans")], stdout=subprocess.PIPE, text=True)
        self.addCleanup(collector.communicate)
        self.addCleanup(collector.kill)
        address = collector.stdout.readline().split()[-1]
        cluster = self.start(environment=environment(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://{address}"))
        done, report = report_of(services.copy_words(self.store, cluster))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(set(cluster.stop().values()), {0})  # what ends sends what it has
        spans = [json.loads(line) for line in (folder / "spans").read_text().splitlines()]
        self.assertEqual({span["trace_id"] for span in spans}, {report["trace_id"]})
        self.assertEqual({span["service"] for span in spans},
                         {"vecferry-coordinator", "vecferry-reader", "vecferry-writer", "vecferry-verifier"})
        by_id = {span["span_id"]: span for span in spans}
        self.assertEqual(len(by_id), len(spans))
        self.assertEqual([span["name"] for span in spans if not span["parent_id"]], ["migration"])
        parents = {(span["name"], by_id[span["parent_id"]]["name"]) for span in spans if span["parent_id"]}
        ingest, verify = "vecferry.v1.WriterService/Ingest", "vecferry.v1.VerifierService/Verify"
        self.assertEqual(parents, {
            ("plan", "migration"), ("lease", "migration"), ("finish step", "migration"), ("verify", "migration"),
            ("shard", "lease"), ("batch", "shard"), ("read", "batch"), ("convert", "batch"), (ingest, "shard"),
            (ingest, ingest), ("COPY", ingest), ("commit", ingest), (verify, "verify"), (verify, verify),
            ("check", verify)})
        self.assertEqual([span for span in spans if span["failed"]], [])
        early = [span["name"] for span in spans if span["parent_id"] and span["begin_ns"] < by_id[span["parent_id"]]["begin_ns"]]
        self.assertEqual(early, [], "a span begins before its parent")
        stored = self.server.query(self.database, "SELECT detail FROM vecferry.event WHERE kind = 'trace'")
        self.assertEqual(stored, [[report["trace_id"]]])

    def test_says_what_is_missing(self):
        cluster = self.start(readers=0, writers=0, verifiers=0)
        for words, told in (
                (services.copy_words("/no/such.db", cluster), "/no/such.db"),
                ([*services.copy_words(self.store, cluster)[:5], "nowhere", *services.copy_words(self.store, cluster)[6:]],
                 "no connection is called 'nowhere'")):
            with self.subTest(words):
                done = run(*words)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(told, done.stderr)
        elsewhere = run(*services.copy_words("notes.db", cluster))
        self.assertEqual(elsewhere.returncode, 2)
        self.assertIn("'notes.db' is opened where the coordinator runs", elsewhere.stderr)
        usage = run("migrate", "pause", "--to-connection", "memory")
        self.assertEqual(usage.returncode, 2)
        both = run(*services.copy_words(self.store, cluster, "--postgres-url", "postgresql:///x"))
        self.assertEqual(both.returncode, 2)
        self.assertIn("--postgres-url and --coordinator", both.stderr)
        plain = run("migrate", "list", "--coordinator", "192.0.2.1:7070", "--to-connection", "memory")
        self.assertEqual(plain.returncode, 2)
        self.assertIn("--insecure", plain.stderr)


unittest.main()
