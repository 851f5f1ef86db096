#!/usr/bin/env python3
"""Breaks the table of tools/check_includes in a temporary tree, and sees it say so."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECK = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_includes"


class CheckIncludesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def check(self, path, line):
        """Writes one file with one include; returns the exit code and what was said."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"// a comment\n#include {line}\n")
        run = subprocess.run([sys.executable, CHECK, self.root], capture_output=True, text=True, check=False)
        file.unlink()
        return run.returncode, run.stdout

    def assert_refused(self, path, line, reason=""):
        code, said = self.check(path, line)
        self.assertEqual(code, 1, f"{path} includes {line} and nobody minds")
        self.assertIn(f"{path}:2: ", said)
        self.assertIn(line.strip('"<>'), said)
        self.assertIn(reason, said)

    def assert_allowed(self, path, line):
        self.assertEqual(self.check(path, line), (0, ""), f"{path} includes {line}")

    def test_refuses_folders_that_the_table_does_not_name(self):
        self.assert_refused("common/base/x.h", '"common/core/plan.h"')
        self.assert_refused("common/core/x.cc", '"common/postgres/connection.h"')
        self.assert_refused("common/pgcopy/x.cc", '"common/convert/convert.h"')
        self.assert_refused("common/telemetry/x.cc", '"common/rpc/clients.h"')
        self.assert_refused("common/rpc/x.cc", '"coordinator/coordinator.h"')

    def test_allows_what_the_table_names(self):
        self.assert_allowed("common/core/x.h", '"common/base/mutex.h"')
        self.assert_allowed("common/core/x.h", '"common/core/plan.h"')
        self.assert_allowed("common/profile/x.cc", '"common/convert/convert.h"')
        self.assert_allowed("cli/x.cc", '"verifier/verifier_service.h"')
        self.assert_allowed("common/core/x.h", "<vector>")
        self.assert_allowed("common/core/x.h", '"absl/status/status.h"')

    def test_keeps_the_services_apart(self):
        services = ["coordinator", "reader-worker", "writer-worker", "verifier"]
        for own in services:
            for other in services:
                if own != other:
                    self.assert_refused(f"{own}/main.cc", f'"{other}/x.h"', "services meet in protos")

    def test_keeps_each_worker_on_its_own_side(self):
        self.assert_refused("reader-worker/x.cc", '"common/postgres/ledger.h"', "the source alone")
        self.assert_refused("writer-worker/x.cc", '"common/sqlite/database.h"', "the destination alone")
        self.assert_refused("writer-worker/x.cc", '"common/convert/convert.h"', "arrive converted")
        self.assert_refused("verifier/x.cc", '"common/convert/convert.h"', "own rules")
        self.assert_refused("verifier/x.cc", '"common/pgcopy/tuple.h"', "own decoder")

    def test_keeps_raw_handles_in_their_folder(self):
        self.assert_refused("common/profile/x.cc", "<sqlite3.h>", "common/sqlite")
        self.assert_refused("cli/x.cc", "<libpq-fe.h>", "common/postgres")
        self.assert_allowed("common/sqlite/x.cc", "<sqlite3.h>")
        self.assert_allowed("common/postgres/x.h", "<libpq-fe.h>")

    def test_keeps_opentelemetry_in_its_file(self):
        self.assert_refused("common/telemetry/tracing.h", "<opentelemetry/trace/span.h>", "tracing.h")
        self.assert_refused("coordinator/x.cc", "<opentelemetry/trace/span.h>", "tracing.h")
        self.assert_allowed("common/telemetry/span_sender.cc", "<opentelemetry/trace/span.h>")
        self.assert_refused("verifier/model_sample.cc", "<curl/curl.h>", "libcurl")
        self.assert_allowed("verifier/embedder.cc", "<curl/curl.h>")

    def test_stops_protos_at_the_transport(self):
        self.assert_refused("coordinator/coordinator.h", '"vecferry/v1/plan.pb.h"', "protos stop")
        self.assert_refused("common/core/x.h", '"vecferry/v1/plan.grpc.pb.h"', "protos stop")
        self.assert_allowed("common/rpc/x.h", '"vecferry/v1/plan.pb.h"')
        self.assert_allowed("writer-worker/writer_service.cc", '"vecferry/v1/writer.grpc.pb.h"')
        self.assert_allowed("writer-worker/writer_service.h", '"vecferry/v1/writer.grpc.pb.h"')

    def test_keeps_slow_headers_out_of_headers(self):
        self.assert_refused("common/core/x.h", "<nlohmann/json.hpp>", ".cc files only")
        self.assert_refused("cli/x.h", '"CLI/CLI.hpp"', ".cc files only")
        self.assert_allowed("cli/main.cc", "<CLI/CLI.hpp>")

    def test_allows_one_mutex_only(self):
        self.assert_refused("coordinator/x.h", '"absl/synchronization/mutex.h"', "common/base/mutex.h")
        self.assert_refused("coordinator/x.h", "<mutex>", "common/base/mutex.h")
        self.assert_allowed("common/base/mutex.h", "<mutex>")

    def test_wants_paths_from_the_top(self):
        self.assert_refused("cli/x.cc", '"x.h"', "from the top")
        self.assert_refused("tests/unit/x.cc", '"../support/x.h"', "from the top")

    def test_lets_tests_include_everything(self):
        self.assert_allowed("tests/support/x.cc", "<sqlite3.h>")
        self.assert_allowed("tests/unit/x.cc", '"verifier/verifier_service.h"')

    def test_refuses_folders_that_it_does_not_know(self):
        code, said = self.check("helpers/x.cc", "<vector>")
        self.assertEqual(code, 1)
        self.assertIn("not in the table", said)

    def test_sees_through_spaces_and_ignores_what_is_built(self):
        code, _ = self.check("common/base/x.h", 'x\n  #  include "common/core/plan.h"')
        self.assertEqual(code, 1)
        self.assert_allowed("build/generated/x.cc", '"x.h"')


if __name__ == "__main__":
    unittest.main()
