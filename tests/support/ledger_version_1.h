#ifndef VECFERRY_TESTS_SUPPORT_LEDGER_VERSION_1_H_
#define VECFERRY_TESTS_SUPPORT_LEDGER_VERSION_1_H_

namespace vecferry::testing {

// The ledger as version 1 made it, frozen: databases in use have it. After CREATE SCHEMA vecferry.
inline constexpr char kLedgerVersion1[] = R"sql(
CREATE TABLE vecferry.ledger_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version integer NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO vecferry.ledger_version (version) VALUES (1);

CREATE TABLE vecferry.migration (
  id uuid PRIMARY KEY,
  identity text NOT NULL,
  destination_schema text NOT NULL,
  state text NOT NULL CHECK (state IN ('PLANNED', 'COPYING', 'FINISHING', 'VERIFYING', 'VERIFIED', 'DIFFERENT', 'COPIED',
                                       'PAUSED', 'FAILED', 'CANCELLED', 'DROPPED')),
  ended boolean NOT NULL GENERATED ALWAYS AS (state IN ('VERIFIED', 'DIFFERENT', 'COPIED', 'DROPPED')) STORED,
  failure text NOT NULL DEFAULT '',
  plan bytea NOT NULL,
  options jsonb NOT NULL DEFAULT '{}',
  program_version text NOT NULL,
  resumed integer NOT NULL DEFAULT 0,
  coordinator_epoch bigint NOT NULL DEFAULT 0,
  coordinator_host text NOT NULL DEFAULT '',
  coordinator_boot_id text NOT NULL DEFAULT '',
  coordinator_pid integer NOT NULL DEFAULT 0,
  coordinator_since timestamptz,
  coordinator_seen_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  seconds_plan double precision NOT NULL DEFAULT 0,
  seconds_copy double precision NOT NULL DEFAULT 0,
  seconds_finish double precision NOT NULL DEFAULT 0,
  seconds_verify double precision NOT NULL DEFAULT 0,
  seconds_total double precision NOT NULL DEFAULT 0,
  verify_level text NOT NULL DEFAULT ''
);

CREATE TABLE vecferry.claim (
  schema_name text NOT NULL,
  table_name text NOT NULL,
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  PRIMARY KEY (schema_name, table_name)
);

-- Updated once a commit group: room on the page keeps those updates away from the index.
CREATE TABLE vecferry.shard (
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  shard integer NOT NULL,
  mapping integer NOT NULL,
  lower_key bytea,
  upper_key bytea,
  lease_owner text NOT NULL DEFAULT '',
  lease_epoch bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  stream_epoch bigint NOT NULL DEFAULT 0,
  next_sequence bigint NOT NULL DEFAULT 0,
  last_key bytea,
  done boolean NOT NULL DEFAULT false,
  rows_read bigint NOT NULL DEFAULT 0,
  inserted bigint NOT NULL DEFAULT 0,
  present bigint NOT NULL DEFAULT 0,
  updated bigint NOT NULL DEFAULT 0,
  conflicting bigint NOT NULL DEFAULT 0,
  repaired bigint NOT NULL DEFAULT 0,
  rejected bigint NOT NULL DEFAULT 0,
  values_rounded bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  source_count bigint NOT NULL DEFAULT 0,
  source_sum bytea NOT NULL DEFAULT decode(repeat('00', 16), 'hex') CHECK (length(source_sum) = 16),
  PRIMARY KEY (migration_id, shard)
) WITH (fillfactor = 50);

CREATE TABLE vecferry.row_issue (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  shard integer NOT NULL,
  source_table text NOT NULL,
  source_key jsonb NOT NULL,
  source_key_record bytea NOT NULL,
  source_rowid bigint,
  destination_table text NOT NULL,
  column_name text NOT NULL,
  kind text NOT NULL,
  action text NOT NULL CHECK (action IN ('repaired', 'rejected', 'skipped')),
  reason text NOT NULL,
  raw bytea,
  raw_format text NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX row_issue_by_migration ON vecferry.row_issue (migration_id, action, id);

CREATE TABLE vecferry.row_issue_raw_part (
  issue_id bigint NOT NULL REFERENCES vecferry.row_issue ON DELETE CASCADE,
  part integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (issue_id, part)
);

CREATE VIEW vecferry.issues AS
SELECT i.migration_id, i.source_table, i.source_key, i.source_rowid, i.column_name, i.kind, i.action, i.reason,
       coalesce(i.raw, (SELECT string_agg(p.bytes, '' ORDER BY p.part) FROM vecferry.row_issue_raw_part p
                         WHERE p.issue_id = i.id)) AS raw,
       i.raw_format
  FROM vecferry.row_issue i;

CREATE TABLE vecferry.index_build (
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  table_name text NOT NULL,
  name text NOT NULL,
  definition text NOT NULL,
  seconds double precision NOT NULL,
  built_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (migration_id, table_name, name)
);

CREATE TABLE vecferry.check_result (
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  name text NOT NULL,
  table_name text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('pass', 'fail', 'skipped')),
  expected text NOT NULL,
  actual text NOT NULL,
  evidence text NOT NULL,
  checked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (migration_id, name, table_name)
);

CREATE TABLE vecferry.event (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind text NOT NULL,
  detail text NOT NULL
);
CREATE INDEX event_by_migration ON vecferry.event (migration_id, id);
)sql";

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_LEDGER_VERSION_1_H_
