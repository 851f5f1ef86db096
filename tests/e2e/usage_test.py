"""Wrong usage ends with exit code 2 and one line that names flag, value and what is allowed; nothing is touched."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import environment, run, scratch_folder  # noqa: E402

COPY = ["migrate", "copy", "--from", "sqlite", "--to", "postgres", "--sqlite-path", "store.db"]


class Usage(unittest.TestCase):
    def expect(self, words, *parts):
        done = run(*words, env=environment(VECFERRY_HOME=str(scratch_folder())))
        self.assertEqual(done.returncode, 2, f"{words}: {done.stderr}")
        self.assertEqual(done.stdout, "")
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_unknown_words_suggest_the_nearest(self):
        self.expect(["migrat", "copy"], "migrat", "did you mean migrate?")
        self.expect(["migrate", "cpoy"], "cpoy", "did you mean copy?")
        self.expect(["migrate"], "copy, list, status, cancel")
        self.expect(["xyzzy"], "allowed:")
        self.expect(["--versoin"], "did you mean --version?")
        self.expect([*COPY, "--bath-size", "10"], "--bath-size", "did you mean --batch-size?")
        self.expect([*COPY, "extra"], "extra")
        self.expect(["postgres", "strat"], "did you mean start?")

    def test_flags_that_do_not_exist_yet_are_unknown(self):
        for flag in ("--allow-source-upgrade",):
            self.expect([*COPY, flag, "x"], f"unknown flag {flag}")

    def test_a_coordinator_and_its_flags_go_together(self):
        self.expect([*COPY, "--coordinator", "127.0.0.1:1"], "--to-connection is missing")
        self.expect([*COPY, "--to-connection", "x"], "--to-connection goes with --coordinator")
        for word in ("watch", "pause", "resume"):
            self.expect(["migrate", word], "--coordinator is missing")

    def test_values_are_checked(self):
        self.expect(["migrate", "copy", "--to", "postgres", "--sqlite-path", "s"], "--from", "sqlite")
        self.expect(["migrate", "copy", "--from", "sqlite", "--to", "postgres"], "--sqlite-path")
        self.expect(["migrate", "copy", "--from", "postgres", "--to", "postgres", "--sqlite-path", "s"], "--from",
                    "'postgres'", "sqlite")
        for flag, value, allowed in (
                ("--batch-size", "0", "from 1 to"), ("--batch-size", "-1", "from 1 to"), ("--batch-size", "5x", "from 1 to"),
                ("--max-connections", "2", "from 3 to"), ("--readers", "0", "from 1 to"), ("--writers", "no", "from 1 to"),
                ("--max-rejects", "-5", "from 0 to"), ("--max-row-bytes", "2GiB", "1072693248"),
                ("--max-row-bytes", "64Mb", "64MiB"), ("--on-conflict", "replace", "skip, update, fail"),
                ("--on-source-change", "x", "reconcile, fail"), ("--snapshot", "x", "auto, direct, copy"),
                ("--verify-level", "most", "counts, sample, full"), ("--progress", "fancy", "bar, plain, json, none"),
                ("--profile", "x", "auto, vestige, generic"), ("--schema", "pg_x", "not pg_*"),
                ("--schema", "vecferry", "ledger"), ("--only", "a,,b", "commas"), ("--vector-column", "a:3", "TABLE.COLUMN"),
                ("--vector-column", "a.b:0", "TABLE.COLUMN"), ("--vector-column", "a.b:x", "TABLE.COLUMN"),
                ("--log-level", "loud", "warn"), ("--log-format", "xml", "text, json")):
            self.expect([*COPY, flag, value], flag, value, allowed)
        self.expect([*COPY, "--batch-size"], "--batch-size needs a value")
        self.expect([*COPY, "--schema", "--dry-run"], "--schema needs a value")
        self.expect([*COPY, "--schema", ""], "--schema", "a value")
        self.expect([*COPY, "--schema", "a", "--schema", "b"], "--schema", "'a'", "'b'")
        self.expect([*COPY, "--dry-run=no"], "--dry-run=no")
        self.expect(["migrate", "list", "-o", "yaml"], "-o", "yaml", "table, json")

    def test_contradictions_name_both_flags(self):
        self.expect([*COPY, "--no-verify", "--verify-level", "counts"], "--no-verify", "--verify-level")
        self.expect([*COPY, "--only", "a,b", "--skip", "c,b"], "--only", "--skip", "'b'")
        for json, html in (("-", "-"), ("r", "r"), ("r.sha256", "r")):
            self.expect([*COPY, "--report", json, "--report-html", html], "--report and --report-html", json)
        self.expect([*COPY, "--writers", "3"], "--writers", "--max-connections")

    def test_lists_are_one_word(self):
        self.expect([*COPY, "--only", "a", "b"], "unexpected word 'b'")
        self.expect(["rejects", "list", "ID", "--coordinator", "h:1"], "unknown flag --coordinator")
        for url in ("postgresql://u:secret@h/d", "host=h password=secret"):  # that stands alone by mistake
            self.assertNotIn("secret", run("migrate", "list", url).stderr)
            self.expect(["migrate", "list", url], "an unexpected word")

    def test_an_unreadable_url_is_not_repeated(self):
        for url in ("postgresql://u:se@cret@h/d", "host=h password='secret"):
            done = run(*COPY, "--postgres-url", url)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--postgres-url", done.stderr)
            self.assertNotIn("cret", done.stderr)

    def test_help_and_version(self):
        for words in (["help"], ["--help"], ["help", "migrate", "copy"], ["migrate", "copy", "--help"], ["help", "migrate"],
                      ["help", "help"], ["help", "postgres", "psql"]):
            done = run(*words)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            self.assertTrue(done.stdout)
        self.assertIn("[WORDS]", run("help", "postgres", "psql").stdout)
        self.assertIn("--version", run("help").stdout)
        self.assertRegex(run("--version").stdout, r"^vecferry \d+\.\d+\.\d+\n$")
        done = run()
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("migrate copy", done.stderr)


unittest.main()
