"""deploy/image: what it makes of this build holds the programs, runs without anything of this machine, and has no shell."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["VECFERRY_BIN"])
LOADER = "lib64/ld-linux-x86-64.so.2"


def make(*words):
    return subprocess.run([ROOT / "deploy" / "image", *words], capture_output=True, text=True, check=False, timeout=60)


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.root = pathlib.Path(cls.folder.name)
        made = make(cls.root, BIN)
        if made.returncode != 0:
            raise AssertionError(made.stderr)

    def programs(self):
        return sorted((self.root / "usr/local/bin").iterdir())

    def test_holds_the_programs_of_the_build_and_nothing_else_that_runs(self):
        self.assertEqual([program.name for program in self.programs()],
                         sorted(program.name for program in BIN.glob("vecferry*")))
        others = [file for file in self.root.rglob("*") if file.is_file() and os.access(file, os.X_OK)
                  and file not in self.programs() and ".so" not in file.name]
        self.assertEqual(others, [])

    def test_programs_run_with_its_libraries_alone(self):
        for program in self.programs():
            # No cache, and no folder of this machine: what is missing in the image is missing.
            folders = ":".join(str(folder) for folder in self.root.glob("**/x86_64-linux-gnu"))
            said = subprocess.run([self.root / LOADER, "--inhibit-cache", "--library-path", folders, "--list", program],
                                  capture_output=True, text=True, check=True, timeout=30).stdout
            used = [line.split("=>")[1].split()[0] for line in said.splitlines() if "=>" in line]
            self.assertTrue(used)
            self.assertEqual([path for path in used if not path.startswith(str(self.root))], [], program.name)

    def test_files_of_an_account_and_of_names(self):
        self.assertRegex((self.root / "etc/passwd").read_text(), r"^vecferry:x:65532:65532:")
        self.assertEqual((self.root / "etc/nsswitch.conf").read_text(), "hosts: files dns\n")
        self.assertEqual((self.root / "tmp").stat().st_mode & 0o7777, 0o1777)
        self.assertNotIn(b".symtab", self.programs()[0].read_bytes())

    def test_says_what_is_wrong(self):
        for words, code, part in (([self.root, BIN], 1, "is not empty"),
                                  ([self.root / "new", self.root / "tmp"], 1, "build first"),
                                  ([], 2, "deploy/image FOLDER")):
            done = make(*words)
            self.assertEqual(done.returncode, code)
            self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
