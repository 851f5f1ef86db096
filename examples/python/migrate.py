#!/usr/bin/env python3
"""Carries a SQLite store into Postgres through a vecferry coordinator: plans, starts, watches, prints the report, and
ends with the migration's exit code (docs/api.md; the stubs are generated, as said there)."""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

import grpc

from report import report_of
from vecferry.v1 import coordinator_pb2, coordinator_pb2_grpc, plan_pb2

METADATA = (("vecferry-plan-format", "1"), ("vecferry-version", "example"))
RUNNING = ("PLANNED", "COPYING", "FINISHING", "VERIFYING")
AWAY = [getattr(grpc.StatusCode, name) for name in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN")]
PLAN_SECONDS, AWAY_SECONDS = 12 * 3600, 600


def say(text):
    print(text, file=sys.stderr, flush=True)


def connect(given):
    options = [("grpc.max_receive_message_length", 256 << 20), ("grpc.keepalive_time_ms", 10_000),
               ("grpc.max_reconnect_backoff_ms", 2000)]
    if not given.tls:
        return grpc.insecure_channel(given.coordinator, options)
    certificate, key, authority = (pathlib.Path(name).read_bytes() for name in given.tls)
    options.append(("grpc.ssl_target_name_override", given.tls_name))
    return grpc.secure_channel(given.coordinator, grpc.ssl_channel_credentials(authority, key, certificate), options)


def request_of(given):
    """The coordinator fills in no defaults: every number and choice is said."""
    identity = plan_pb2.Identity(source_kind="sqlite", source_path=os.fsencode(given.sqlite_path), profile="auto",
                                 destination_schema="public", on_conflict="skip", max_row_bytes=64 << 20)
    return coordinator_pb2.StartRequest(identity=identity, connection=given.connection, connections_max=4,
                                        batch_rows_max=500, rejects_max=1000, on_source_change="reconcile")


def say_plan(response):
    say(f"profile {response.plan.profile}: {response.plan.profile_reason}")
    for mapping in response.plan.mappings:
        say(f"  {mapping.source_table.decode(errors='replace')} -> {mapping.destination_table}: "
            f"about {mapping.rows_estimate} rows, {len(mapping.columns)} columns")


def watch(stub, request):
    """The migration as it stands once it no longer runs. A stream that breaks is opened again."""
    away_since = None
    while True:
        try:
            for migration in stub.Watch(request, metadata=METADATA, timeout=3600):
                away_since = None
                say(f"{migration.state} {sum(table.counters.read for table in migration.tables)} of about "
                    f"{sum(table.rows_expected for table in migration.tables)} rows {migration.step}".rstrip())
            if migration.state not in RUNNING:
                return migration
        except grpc.RpcError as error:
            away_since = away_since or time.monotonic()
            if error.code() not in AWAY or time.monotonic() - away_since > AWAY_SECONDS:
                raise
            say(f"the watch broke ({error.code().name}: {error.details()}); watching again")
        time.sleep(0.5)


def main():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends the watching; the migration goes on
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--coordinator", required=True, metavar="HOST:PORT")
    parser.add_argument("--connection", required=True, metavar="NAME", help="the destination's name there")
    parser.add_argument("--sqlite-path", required=True, metavar="PATH", help="the source, as it is there")
    parser.add_argument("--tls", nargs=3, metavar=("CERT", "KEY", "CA"), help="PEM files; without: plain text")
    parser.add_argument("--tls-name", default="vecferry-coordinator", help="name in the coordinator's certificate")
    given = parser.parse_args()
    try:
        channel = connect(given)
        grpc.channel_ready_future(channel).result(timeout=10)
        stub = coordinator_pb2_grpc.MigrationServiceStub(channel)
        request = request_of(given)
        say_plan(stub.Plan(request, metadata=METADATA, timeout=PLAN_SECONDS))
        started = stub.Start(request, metadata=METADATA, timeout=PLAN_SECONDS)
        say(f"{'resuming' if started.resumed else 'starting'} migration {started.migration_id}")
        one = coordinator_pb2.GetRequest(migration_id=started.migration_id, connection=given.connection)
        migration = watch(stub, one)
    except grpc.FutureTimeoutError:
        sys.exit(f"migrate.py: no coordinator answers at {given.coordinator}")
    except grpc.RpcError as error:
        sys.exit(f"migrate.py: {error.code().name}: {error.details()}")
    print(json.dumps(report_of(migration), indent=2))
    say(f"migration {migration.id} is {migration.state}. {migration.failure}".rstrip())
    sys.exit(migration.exit_code)


if __name__ == "__main__":
    main()
