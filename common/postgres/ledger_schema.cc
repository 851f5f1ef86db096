// Making, upgrading and dropping the schema `vecferry`. docs/ledger.md explains each column.
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::postgres {
namespace {

constexpr char kVersion1[] = R"sql(
CREATE TABLE vecferry.ledger_version (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  version integer NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO vecferry.ledger_version (version) VALUES (0);

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

// Rejected rows that were carried later. Whoever carries one asks whether it was told as repaired: by the hash of its
// key, which may be longer than a btree's entry.
constexpr char kVersion2[] = R"sql(
ALTER TABLE vecferry.row_issue DROP CONSTRAINT row_issue_action_check,
  ADD CONSTRAINT row_issue_action_check CHECK (action IN ('repaired', 'rejected', 'skipped', 'replayed'));
CREATE INDEX row_issue_repaired_by_key ON vecferry.row_issue USING hash (source_key_record) WHERE action = 'repaired';
)sql";

// What a verification finds beside its checks.
constexpr char kVersion3[] = R"sql(
ALTER TABLE vecferry.migration ADD COLUMN differences_more bigint NOT NULL DEFAULT 0,
  ADD COLUMN report_sha256 text NOT NULL DEFAULT '';

CREATE TABLE vecferry.difference (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  table_name text NOT NULL,
  key text NOT NULL,
  columns text NOT NULL,
  kind text NOT NULL,
  detail text NOT NULL
);
CREATE INDEX difference_by_migration ON vecferry.difference (migration_id, id);

CREATE TABLE vecferry.recall (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  table_name text NOT NULL,
  column_name text NOT NULL,
  model text NOT NULL,
  slice text NOT NULL,
  metric text NOT NULL,
  k integer NOT NULL,
  queries integer NOT NULL,
  exact double precision,
  by_index double precision,
  index_ms double precision[] NOT NULL,
  exact_ms double precision[] NOT NULL
);
CREATE INDEX recall_by_migration ON vecferry.recall (migration_id, id);

CREATE TABLE vecferry.table_size (
  migration_id uuid NOT NULL REFERENCES vecferry.migration,
  table_name text NOT NULL,
  rows bigint NOT NULL,
  table_bytes bigint NOT NULL,
  index_bytes bigint NOT NULL,
  dead_tuples bigint NOT NULL,
  PRIMARY KEY (migration_id, table_name)
);
)sql";

// The scripts that bring version N to N + 1.
constexpr const char* kUpgrades[] = {kVersion1, kVersion2, kVersion3};
static_assert(std::size(kUpgrades) == kLedgerVersion);

// Planners of any destination schema meet here. The number is arbitrary: "vecferry" in ASCII.
constexpr char kLockLedger[] = "SELECT pg_advisory_xact_lock(x'7665636665727279'::bigint)";

// Another role may have made the ledger.
absl::Status CheckRights(Connection& session) {
  ASSIGN_OR_RETURN(
      const Result rights,
      session.Execute("SELECT pg_get_userbyid(n.nspowner) FROM pg_catalog.pg_namespace n WHERE n.nspname = 'vecferry' "
                      "AND (NOT has_schema_privilege(n.oid, 'USAGE') OR EXISTS (SELECT FROM pg_catalog.pg_class c, "
                      "unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted(privilege) WHERE "
                      "c.relnamespace = n.oid AND c.relkind = 'r' AND NOT has_table_privilege(c.oid, privilege)))"));
  if (rights.rows() == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "the role may not use the ledger (schema vecferry), which role \"", rights.text(0, 0),
      "\" made: come as that role or a member of it, or have it run GRANT USAGE ON SCHEMA vecferry, GRANT ALL ON ALL "
      "TABLES IN SCHEMA vecferry and GRANT ALL ON ALL SEQUENCES IN SCHEMA vecferry TO the role"));
}

// A row where there is a ledger: whether the role may read its version.
absl::StatusOr<Result> FindLedger(Connection& session) {
  return session.Execute(
      "SELECT pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') "
      "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "WHERE n.nspname = 'vecferry' AND c.relname = 'ledger_version'");
}

// 0 = there is none. Errors: kFailedPrecondition: a newer program made it.
absl::StatusOr<std::int64_t> ReadVersion(Connection& session) {
  ASSIGN_OR_RETURN(const Result found, FindLedger(session));
  if (found.rows() == 0) return 0;
  ASSIGN_OR_RETURN(const Result read, session.Execute("SELECT version FROM vecferry.ledger_version"));
  const std::int64_t version = read.rows() == 0 ? 0 : read.integer(0, 0);
  if (version <= kLedgerVersion) return version;
  return absl::FailedPreconditionError(absl::StrCat("the ledger in this database has version ", version,
                                                    ", made by a newer vecferry; this program knows version ",
                                                    kLedgerVersion, ": use the newer program"));
}

absl::Status MakeSchema(Connection& session) {
  ASSIGN_OR_RETURN(const Result exists,
                   session.Execute("SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'vecferry'"));
  if (exists.rows() > 0) return absl::OkStatus();
  const absl::Status made = session.ExecuteScript("CREATE SCHEMA vecferry");
  if (!absl::IsPermissionDenied(made)) return made;
  return absl::PermissionDeniedError(
      "the role may not make the ledger's schema \"vecferry\": GRANT CREATE ON DATABASE to it, or let the database's "
      "owner run CREATE SCHEMA vecferry AUTHORIZATION the role");
}

absl::Status Upgrade(Connection& session) {
  RETURN_IF_ERROR(session.ExecuteScript(kLockLedger));
  ASSIGN_OR_RETURN(std::int64_t version, ReadVersion(session));
  if (version == 0) RETURN_IF_ERROR(MakeSchema(session));
  for (; version < kLedgerVersion; ++version) RETURN_IF_ERROR(session.ExecuteScript(kUpgrades[version]));
  return session
      .Execute("UPDATE vecferry.ledger_version SET version = $1, changed_at = clock_timestamp() WHERE version <> $1",
               {std::int64_t{kLedgerVersion}})
      .status();
}

}  // namespace

absl::StatusOr<bool> LedgerExists(Connection& session) {
  ASSIGN_OR_RETURN(const Result found, FindLedger(session));
  // What a role may not read, EnsureLedger says better.
  if (found.rows() > 0 && found.text(0, 0) == "t") RETURN_IF_ERROR(ReadVersion(session).status());
  return found.rows() > 0;
}

absl::Status EnsureLedger(Connection& session) {
  RETURN_IF_ERROR(CheckRights(session));
  // Almost always it is there: no lock, no transaction.
  ASSIGN_OR_RETURN(const std::int64_t version, ReadVersion(session));
  if (version == kLedgerVersion) return absl::OkStatus();
  return InTransaction(session, [&] { return Upgrade(session); });
}

absl::Status DropLedger(Connection& session) {
  return InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(session.ExecuteScript(kLockLedger));
    ASSIGN_OR_RETURN(const std::int64_t version, ReadVersion(session));
    if (version == 0) return absl::NotFoundError("this database holds no ledger of vecferry");
    // Nobody starts a migration between the look and the drop.
    RETURN_IF_ERROR(session.ExecuteScript("LOCK TABLE vecferry.migration IN ACCESS EXCLUSIVE MODE"));
    ASSIGN_OR_RETURN(const Result unfinished,
                     session.Execute("SELECT id, state FROM vecferry.migration WHERE NOT ended ORDER BY started_at"));
    if (unfinished.rows() > 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "migration ", unfinished.text(0, 0), " is unfinished (", unfinished.text(0, 1),
          "): finish it by its own command, or end it by: vecferry migrate cancel ", unfinished.text(0, 0), " --drop"));
    }
    return session.ExecuteScript("DROP SCHEMA vecferry CASCADE");
  });
}

}  // namespace vecferry::postgres
