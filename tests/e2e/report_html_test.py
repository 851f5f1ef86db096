"""The report as a page: written with its digest, well-formed whatever the source's names and values are."""
import html.parser
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from command import PROGRAM, Server, copy_words, make_store, run, scratch_folder  # noqa: E402

SERVER = Server()
FOLDER = scratch_folder()
STORE = FOLDER / "store.db"
make_store(STORE, 200)
SECTIONS = ("summary", "tables", "checks", "differences", "issues", "recall", "stages", "sizes", "indexes", "ends",
            "notes", "signature")


class Page(html.parser.HTMLParser):
    """Reads a page; `faults` are what a browser would have to mend or would load."""

    WITHOUT_END = {"meta"}

    def __init__(self, text):
        super().__init__()
        self.faults, self.open, self.ids, self.headers, self.text = [], [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"open at the end: {self.open}")

    def handle_starttag(self, tag, attrs):
        self.look_at(tag, attrs)
        if tag not in self.WITHOUT_END:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.look_at(tag, attrs)
        if "svg" not in self.open:
            self.faults.append(f"<{tag}/> ends nothing in HTML")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at line {self.getpos()[0]}")

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def handle_comment(self, data):
        self.faults.append(f"a comment: {data}")

    def look_at(self, tag, attrs):
        named = dict(attrs)
        if len(named) != len(attrs):
            self.faults.append(f"an attribute twice in {tag}")
        if tag in ("script", "img", "iframe", "object", "embed", "link", "form", "base", "use", "image"):
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name in ("src", "style") or (name == "href" and not value.startswith("#")):
                self.faults.append(f"{tag} {name}={value}")
        if "id" in named:
            self.ids.append(named["id"])
        if tag == "th":
            self.headers.append(named.get("scope"))


class ReportHtml(unittest.TestCase):
    def setUp(self):
        self.folder = scratch_folder()
        self.url = SERVER.url(SERVER.make_database())

    def copy(self, *more, code=0, store=STORE):
        done = run(*copy_words(store, self.url, *more))
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def expect_page(self, text, *parts):
        page = Page(text)
        self.assertEqual(page.faults, [])
        self.assertEqual(len(page.ids), len(set(page.ids)), page.ids)
        self.assertTrue(set(SECTIONS) <= set(page.ids), page.ids)
        self.assertEqual(set(page.headers), {"col", "row"})
        shown = "".join(page.text)
        for part in parts:
            self.assertIn(part, shown)
        return shown

    def test_is_written_with_a_digest_that_sha256sum_checks(self):
        for name in ("report.html", "a  page.html", "back\\slash\nline.html"):
            path = self.folder / name
            self.copy("--report-html", str(path), "--report", str(self.folder / "report.json"))
            self.expect_page(path.read_text(encoding="utf-8"), "VERIFIED", "documents", "settings")
            check = ["sha256sum", "-c", "--strict", f"{name}.sha256"]
            subprocess.run(check, cwd=self.folder, check=True, capture_output=True)
            with path.open("ab") as file:
                file.write(b" ")
            self.assertNotEqual(subprocess.run(check, cwd=self.folder, check=False, capture_output=True).returncode, 0)
        # Beside the pages nothing stays.
        self.assertEqual(len(list(self.folder.iterdir())), 7)
        report = json.loads((self.folder / "report.json").read_text())
        self.assertEqual(report["differences"], [])
        self.assertEqual(report["differences_more"], 0)

    def test_tells_what_the_report_tells(self):
        path = self.folder / "report.html"
        self.copy("--report-html", str(path), "--report", str(self.folder / "report.json"))
        report = json.loads((self.folder / "report.json").read_text())
        shown = self.expect_page(path.read_text(encoding="utf-8"), report["migration_id"], report["source"]["path"],
                                 report["destination"]["server_version"], f"Level of verification: {report['verify_level']}",
                                 "Not looked at:")
        for table in report["tables"]:
            self.assertIn(table["source"], shown)
            self.assertIn(f"{table['read']:,}", shown)
        for index in report["indexes"]:
            self.assertIn(index["definition"], re.sub(r"\s+", " ", shown))

    def test_no_name_or_value_of_a_source_becomes_markup(self):
        path, store = self.folder / "report.html", self.folder / "<script>alert('1')<script>.db"
        database = sqlite3.connect(store)
        for name in ("<script>alert(1)</script>", "\"'><img src=x onerror=alert(1)>", "x" * 5000, "a\u202eb",
                     "</title></style>"):
            quoted = name.replace('"', '""')
            database.execute(f'CREATE TABLE "{quoted}"(id INTEGER PRIMARY KEY, "<b>{quoted}" TEXT)')
            database.execute(f'INSERT INTO "{quoted}" VALUES (1, CAST(? AS TEXT))', (b"<i>\xff</i>",))
        database.commit()
        database.close()
        done = run(*copy_words(store, self.url, "--report-html", str(path)))
        self.assertIn(done.returncode, (0, 3), done.stderr)
        text = path.read_text(encoding="utf-8")
        shown = self.expect_page(text, "<script>alert(1)</script>", "[U+202E]", "characters)")
        self.assertNotIn("\u202e", shown)
        self.assertNotIn("x" * 700, shown)
        for forbidden in ("<script", "http:", "https:", "src=x onerror=alert(1)>"):
            self.assertNotIn(forbidden, text)

    def test_same_content_but_for_times_and_ids(self):
        pages = []
        for name in ("a.html", "b.html"):
            self.url = SERVER.url(SERVER.make_database())
            self.copy("--report-html", str(self.folder / name))
            text = (self.folder / name).read_text(encoding="utf-8")
            text = re.sub(r"<svg class=\"plot\".*?</svg>", "", text, flags=re.DOTALL)
            text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d [\d:.]+ UTC|[\d.]+ s\b|t\d+_[0-9a-f]+", "", text)
            text = re.sub(r"[\d.]+ / [\d.]+ / [\d.]+", "", text)  # latencies
            pages.append(re.sub(r"Rows a second</dt><dd>[\d,]+", "", text))
        self.assertEqual(*pages)

    def test_goes_to_stdout_and_the_summary_to_stderr(self):
        done = self.copy("--report-html", "-", "--report", str(self.folder / "report.json"), "--progress", "none")
        self.expect_page(done.stdout, "VERIFIED")
        self.assertIn("VERIFIED: checked at level full", done.stderr)
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PROGRAM, *copy_words(STORE, self.url, "--report-html", "-")], stdout=full,
                                  stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("vecferry: --report-html: cannot write to stdout: No space left on device", done.stderr)

    def test_a_pipe_gets_no_digest_beside_it(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.copy("--report-html", str(pipe))
        self.expect_page(os.read(reader, 1 << 20).decode(), "VERIFIED")
        os.close(reader)
        self.assertEqual(list(self.folder.iterdir()), [pipe])

    def test_a_place_that_cannot_be_written_is_told_before_the_copy(self):
        (self.folder / "taken.html.sha256").mkdir()
        for path in ("none/report.html", ".", "taken.html"):
            done = self.copy("--report-html", str(self.folder / path), code=1)
            self.assertRegex(done.stderr, r"vecferry: --report-html: cannot write '.*': (No such file|Is a directory)")
            self.assertNotIn("starting migration", done.stderr)

    def test_a_place_that_vanishes_does_not_take_the_other_report(self):
        gone = self.folder / "gone"
        gone.mkdir()
        words = copy_words(STORE, self.url, "--report-html", str(self.folder / "report.html"), "--report",
                           str(gone / "report.json"), "--progress", "json")
        with subprocess.Popen([PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as copy:
            for line in copy.stderr:
                if line.startswith(("starting", "resuming")):
                    gone.rmdir()
                    break
            told = copy.stderr.read()
        self.assertEqual(copy.returncode, 1, told)
        self.assertIn("vecferry: --report: cannot write", told)
        self.expect_page((self.folder / "report.html").read_text(encoding="utf-8"), "VERIFIED")

    def test_a_failed_migration_says_so(self):
        path = self.folder / "report.html"
        store = self.folder / "bad.db"
        make_store(store, 50)
        database = sqlite3.connect(store)
        database.execute("UPDATE chunks SET document_id = 4711 WHERE id = 1")
        database.commit()
        database.close()
        self.copy("--report-html", str(path), "--max-rejects", "0", code=1, store=store)
        self.expect_page(path.read_text(encoding="utf-8"), "FAILED", "--max-rejects", "Nothing was compared.", "not finished")


unittest.main()
