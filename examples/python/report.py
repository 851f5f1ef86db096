"""A migration's report, `vecferry.report.v1` (docs/interface.md), from the message that the coordinator sends."""
import json

NUMBERS = {"read": "read", "inserted": "inserted", "already_present": "present", "updated": "updated",
           "conflicting": "conflicting", "rejected": "rejected", "repaired": "repaired",
           "values_rounded": "values_rounded", "bytes": "bytes", "incomplete": "incomplete"}  # report: message


def fields(message, *names):
    return {name: getattr(message, name) for name in names}


def key_of(message):
    try:
        return json.loads(message.key)
    except ValueError:
        return message.key


def share(number):
    return number if number >= 0 else None


def milliseconds(latency):
    times = fields(latency, "p50", "p95", "p99")
    return times if any(time > 0 for time in times.values()) else None


def report_of(migration):
    tables = [{**fields(table, "source", "destination"),
               **{name: getattr(table.counters, field) for name, field in NUMBERS.items()}}
              for table in migration.tables]
    totals = {name: sum(table[name] for table in tables) for name in NUMBERS}
    for name, number in (("rows_per_second", totals["read"]), ("bytes_per_second", totals["bytes"])):
        totals[name] = number / migration.seconds.copy if migration.seconds.copy > 0 else 0
    return {
        "format": "vecferry.report.v1",
        "vecferry_version": migration.vecferry_version,
        "migration_id": migration.id,
        "trace_id": migration.trace_id or None,
        "state": migration.state,
        "exit_code": migration.exit_code,
        "failure": migration.failure or None,
        "source": {"kind": migration.source_kind, "path": migration.source_path.decode(errors="replace"),
                   **fields(migration, "profile", "profile_reason"),
                   "schema_version": migration.schema_version or None, "fingerprint": migration.fingerprint},
        "destination": {"url": migration.destination_url, **fields(migration, "server_version", "pgvector_version"),
                        "schema": migration.destination_schema},
        "started_at": migration.started_at or None,
        "finished_at": migration.finished_at or None,
        "resumed": migration.resumed,
        "seconds": fields(migration.seconds, "plan", "copy", "finish", "verify", "total"),
        "tables": tables,
        "totals": totals,
        "issues": [{"table": issue.table, "key": key_of(issue), "column": issue.column or None,
                    **fields(issue, "kind", "action", "reason")} for issue in migration.issues],
        "issues_more": migration.issues_more,
        "indexes": [fields(index, "table", "name", "definition", "seconds") for index in migration.indexes],
        "verify_level": migration.verify_level or None,
        "checks": [{"name": check.name, "table": check.table or None,
                    **fields(check, "verdict", "expected", "actual", "evidence")} for check in migration.checks],
        "differences": [{"table": difference.table, "key": key_of(difference) if difference.key else None,
                         "columns": difference.columns or None, **fields(difference, "kind", "detail")}
                        for difference in migration.differences],
        "differences_more": migration.differences_more,
        "recall": [{**fields(recall, "table", "column"), "model": recall.model or None, "slice": recall.slice or None,
                    **fields(recall, "metric", "k", "queries"), "exact": share(recall.exact),
                    "index": share(recall.index), "by_index_ms": milliseconds(recall.by_index),
                    "without_index_ms": milliseconds(recall.without_index)} for recall in migration.recall],
        "sizes": [fields(size, "table", "rows", "table_bytes", "index_bytes", "dead_tuples")
                  for size in migration.sizes],
        "left_out": [{"name": left_out.name.decode(errors="replace"), "reason": left_out.reason}
                     for left_out in migration.left_out],
        "notes": list(migration.notes),
    }
