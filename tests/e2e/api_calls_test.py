"""What docs/api.md says of a coordinator's calls, through stubs: halting and going on, refusals, versions, health,
reflection."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from api import (  # noqa: E402
    ApiCase, Caller, SERVICE, ask_reflection, await_line, cancel, ended, migrate, migration, start_request)
import grpc  # noqa: E402
import health_pb2  # noqa: E402
import health_pb2_grpc  # noqa: E402
from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: E402
from vecferry.v1 import coordinator_pb2  # noqa: E402


class ApiCallsTest(ApiCase):
    def test_pauses_resumes_and_cancels(self):
        cluster, address = self.start(readers=0)
        caller = Caller(address)
        watching = migrate(address, self.store)
        one = migration(await_line(watching, "starting migration (.*)")[1])
        self.assertEqual(caller.Pause(one).state, "PAUSED")
        self.assertEqual(ended(watching).returncode, 130)
        self.assertEqual(caller.Pause(one).state, "PAUSED")
        self.assertTrue(caller.Resume(one).resumed)
        self.assertIn(next(iter(caller.Watch(one))).state, ("PLANNED", "COPYING"))
        self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, caller.Resume, one)
        self.assertEqual(caller.Cancel(cancel(one.migration_id)).state, "CANCELLED")
        self.assertEqual([*caller.Watch(one)][-1].exit_code, 1)
        # Start with the same identity goes on with it; called again it answers the same.
        for _ in range(2):
            started = caller.Start(start_request(self.store))
            self.assertEqual((started.migration_id, started.resumed), (one.migration_id, True))
        cluster.add("reader", 0).start()
        self.assertEqual([*caller.Watch(one)][-1].state, "VERIFIED")
        self.assert_arrived()
        for call, request in ((caller.Pause, one), (caller.Resume, one), (caller.Cancel, cancel(one.migration_id))):
            self.assertIn("has ended already", self.assert_refused(grpc.StatusCode.FAILED_PRECONDITION, call, request))
        self.assertIn("no migration ffff", self.assert_refused(grpc.StatusCode.NOT_FOUND, caller.Get, migration("ffff")))

    def test_start_goes_on_with_one_that_was_paused_a_moment_ago(self):
        _, address = self.start(readers=0)
        caller = Caller(address)
        for halt in (caller.Pause, lambda one: caller.Cancel(cancel(one.migration_id))):
            one = migration(caller.Start(start_request(self.store)).migration_id)
            halt(one)
            self.assertTrue(caller.Start(start_request(self.store)).resumed)
            self.assertIn(caller.Get(one).state, ("PLANNED", "COPYING"))

    def test_every_coordinator_tells_what_another_one_does(self):
        cluster, address = self.start(readers=0, coordinators=2)
        here, there = Caller(address), Caller(cluster.of("coordinator")[1].address)
        one = migration(here.Start(start_request(self.store)).migration_id)
        here.Pause(one)
        self.assertEqual([*here.Watch(one)][-1].state, "PAUSED")
        there.Resume(one)
        self.assertEqual(here.Get(one).state, "COPYING")
        self.assertEqual(next(iter(here.Watch(one))).state, "COPYING")
        self.assertEqual(there.Cancel(cancel(one.migration_id, drop=True)).state, "DROPPED")
        self.assertEqual(there.Get(one).state, "DROPPED")

    def test_refuses_what_is_not_allowed(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        caller = Caller(address)
        for name, value, told in (("connections_max", 0, "0; allowed: 3 to 64"), ("batch_rows_max", 0, "allowed: 1 to"),
                                  ("connections_max", 4_000_000_000, "too large; allowed: 3 to 64"),
                                  ("rejects_max", 1 << 63, "too large"), ("on_source_change", "guess", "reconcile, fail"),
                                  ("readers", 63, "allowed: 0 to 62"), ("writers", 63, "allowed: 0 to 62"),
                                  ("identity.source_kind", "mysql", "'mysql'; allowed: sqlite"),
                                  ("identity.destination_schema", "x" * 64, "64 bytes; allowed: 1 to 63"),
                                  ("identity.profile", "", "''; allowed: auto"),
                                  ("identity.on_conflict", "guess", "skip, update, fail"),
                                  ("identity.max_row_bytes", 0, "0; allowed: 1 to")):
            request = start_request(self.store)
            of, field = (request.identity, name[9:]) if name.startswith("identity.") else (request, name)
            setattr(of, field, value)
            for call in (caller.Plan, caller.Start):
                details = self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, call, request)
                self.assertIn(f"{name}: ", details)
                self.assertIn(told, details)
        elsewhere = start_request(self.store)
        elsewhere.connection = "nowhere"
        self.assertIn("'nowhere'", self.assert_refused(grpc.StatusCode.NOT_FOUND, caller.Plan, elsewhere))
        self.assertEqual(len(caller.List(coordinator_pb2.ListRequest(connection="memory")).migrations), 0)

    def test_a_dropped_migration_frees_its_tables(self):
        _, address = self.start(readers=0)
        caller = Caller(address)
        started = caller.Start(start_request(self.store))
        other = start_request(self.store)
        other.identity.skip.extend((b"settings", b"events"))  # another identity
        self.assertIn(started.migration_id, self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, caller.Start, other))
        self.assertEqual(caller.Cancel(cancel(started.migration_id, drop=True)).state, "DROPPED")
        listed = caller.List(coordinator_pb2.ListRequest(connection="memory")).migrations
        self.assertEqual([(one.id, one.state) for one in listed], [(started.migration_id, "DROPPED")])
        self.assertFalse(caller.Start(other).resumed)
        # The order of its lists does not tell identities apart.
        del other.identity.skip[:]
        other.identity.skip.extend((b"events", b"settings"))
        self.assertTrue(caller.Start(other).resumed)

    def test_a_plan_to_compare_asks_nobody(self):
        cluster, address = self.start(readers=0)
        caller = Caller(address)
        started = caller.Start(start_request(self.store))
        request = start_request(self.store)
        self.assertEqual(caller.Plan(request).resumes_migration_id, started.migration_id)
        request.to_compare = True
        self.assertIn("to_compare: ", self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, caller.Start, request))
        # Half loaded.
        self.assertIn(started.migration_id, self.assert_refused(grpc.StatusCode.ALREADY_EXISTS, caller.Plan, request))
        cluster.add("reader", 0).start()
        self.assertEqual([*caller.Watch(migration(started.migration_id))][-1].state, "VERIFIED")
        drawn = caller.Plan(request)
        self.assertTrue(drawn.plan.tables and all(table.existed for table in drawn.plan.tables))

    def test_keeps_digests_of_pages(self):
        _, address = self.start(readers=0)
        caller = Caller(address)
        one = caller.Start(start_request(self.store)).migration_id

        def record(migration_id, sha256):
            return coordinator_pb2.RecordPageRequest(migration_id=migration_id, connection="memory", sha256=sha256)
        for digest in ("", "a" * 63, "a" * 65, "g" * 64):
            details = self.assert_refused(grpc.StatusCode.INVALID_ARGUMENT, caller.RecordPage, record(one, digest))
            self.assertIn("64 hexadecimal digits", details)
        self.assert_refused(grpc.StatusCode.NOT_FOUND, caller.RecordPage, record("ffff", "a" * 64))
        for digest in ("a" * 64, "0123456789abcdefABCDEF" + "0" * 42):
            caller.RecordPage(record(one, digest))
            self.assertEqual(self.server.query(self.database, "SELECT report_sha256 FROM vecferry.migration"), [[digest]])

    def test_names_both_plan_formats(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        stub = Caller(address).stub
        for metadata, told in (((), "an unknown version with plan format unknown"),
                               ((("vecferry-plan-format", "2"), ("vecferry-version", "7.0")), "7.0 with plan format 2")):
            details = self.assert_refused(grpc.StatusCode.FAILED_PRECONDITION, lambda given: stub.List(
                coordinator_pb2.ListRequest(connection="memory"), metadata=given, timeout=60), metadata)
            self.assertIn("with plan format 1; the caller is", details)
            self.assertIn(told, details)

    def test_answers_health_and_reflection(self):
        _, address = self.start(readers=0, writers=0, verifiers=0)
        channel = grpc.insecure_channel(address)
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=60)
        self.assertEqual(check.status, health_pb2.HealthCheckResponse.SERVING)
        listed = ask_reflection(channel, list_services="").list_services_response.service
        self.assertLessEqual({"grpc.health.v1.Health", "vecferry.v1.LeaseService", "vecferry.v1.MigrationService",
                              "vecferry.v1.SourceService", "vecferry.v1.WorkerService"}, {one.name for one in listed})
        # As grpcurl does: the files that a service is made of, and the types of its methods from them alone.
        files = ask_reflection(channel, file_containing_symbol=SERVICE.full_name).file_descriptor_response
        parsed = [descriptor_pb2.FileDescriptorProto.FromString(one) for one in files.file_descriptor_proto]
        while unknown := {name for one in parsed for name in one.dependency} - {one.name for one in parsed}:
            for name in unknown:
                more = ask_reflection(channel, file_by_filename=name).file_descriptor_response.file_descriptor_proto
                parsed += [descriptor_pb2.FileDescriptorProto.FromString(one) for one in more]
        pool = descriptor_pool.DescriptorPool()
        for one in parsed[::-1]:  # what is needed came last
            pool.Add(one)
        told = pool.FindServiceByName(SERVICE.full_name)
        self.assertEqual([method.name for method in told.methods], [method.name for method in SERVICE.methods])
        start = told.methods_by_name["Start"]
        self.assertEqual((start.input_type.full_name, start.output_type.full_name),
                         ("vecferry.v1.StartRequest", "vecferry.v1.StartResponse"))
        self.assertEqual(start.input_type.fields_by_name["identity"].message_type.fields_by_name["source_path"].number, 2)

    def test_reflection_can_be_turned_off(self):
        _, address = self.start(readers=0, writers=0, verifiers=0, words={"coordinator": ["--no-reflection"]})
        self.assert_refused(grpc.StatusCode.UNIMPLEMENTED, ask_reflection, grpc.insecure_channel(address))


unittest.main()
