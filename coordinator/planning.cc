#include "coordinator/planning.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/fault_points.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger_sql.h"
#include "common/profile/profile.h"
#include "common/rpc/plan_codec.h"
#include "common/sqlite/schema.h"
#include "coordinator/destination.h"
#include "coordinator/stage_clock.h"

namespace vecferry::coordinator {

absl::StatusOr<core::Plan> DrawPlan(sqlite::Database& source, const std::string& fingerprint,
                                    const core::Identity& identity, const postgres::Catalog* destination,
                                    std::int64_t shard_bytes_max) {
  ASSIGN_OR_RETURN(const sqlite::SourceSchema schema, sqlite::ReadSchema(source));
  ASSIGN_OR_RETURN(core::Plan plan, profile::MakePlan({source, schema, identity, destination}));
  plan.identity = identity;
  plan.source_fingerprint = fingerprint;
  plan.source_schema_hash = schema.hash;
  plan.shards.clear();
  for (core::Mapping& mapping : plan.mappings) {
    ASSIGN_OR_RETURN(sqlite::Sharding sharding, sqlite::PlanShards(source, mapping, shard_bytes_max));
    mapping.rows_estimate = sharding.rows;
    mapping.bytes_estimate = sharding.bytes;
    std::optional<std::string> lower;
    const auto add = [&](std::optional<std::string> upper) {
      plan.shards.push_back({static_cast<int>(plan.shards.size()), mapping.id, lower, upper});
      lower = std::move(upper);
    };
    for (std::string& boundary : sharding.boundaries) add(std::move(boundary));
    add(std::nullopt);
  }
  return plan;
}

absl::Status CheckComparable(const postgres::Catalog& catalog, absl::string_view schema) {
  if (schema.empty() || schema == "vecferry" || schema == "information_schema" || absl::StartsWith(schema, "pg_")) {
    return absl::InvalidArgumentError(
        absl::StrCat("schema \"", schema, "\" belongs to the ledger or to Postgres itself: choose another --schema"));
  }
  RETURN_IF_ERROR(postgres::CheckServerVersion(catalog.server_version));
  if (catalog.encoding != "UTF8") {
    return absl::FailedPreconditionError(
        absl::StrCat("the destination database has encoding ", catalog.encoding,
                     ", needed is UTF8: create one with `CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0`"));
  }
  return absl::OkStatus();
}

absl::Status CheckDestination(const postgres::Catalog& catalog, absl::string_view schema, bool ledger_exists) {
  RETURN_IF_ERROR(CheckComparable(catalog, schema));
  if (catalog.read_only) {
    return absl::FailedPreconditionError(
        "the destination is read-only (default_transaction_read_only is on for the server, the database or the role): "
        "name another, or run `ALTER DATABASE name RESET default_transaction_read_only` or the same for the role");
  }
  if (catalog.extension_version.empty() && catalog.extension_available.empty()) {
    return absl::FailedPreconditionError(
        "the destination's server has no pgvector: install its package (postgresql-NN-pgvector) there, then run the "
        "same command again");
  }
  if (catalog.extension_version.empty() && !catalog.may_create_schema) {
    return absl::PermissionDeniedError(
        "the role may not install pgvector in the destination database: have an administrator run `CREATE EXTENSION "
        "vector` there, or grant CREATE on the database");
  }
  if (!catalog.may_create) {
    return absl::PermissionDeniedError(
        catalog.schema_exists
            ? absl::StrCat("the role may not create tables in schema \"", schema, "\": run `GRANT CREATE ON SCHEMA ",
                           core::QuoteIdentifier(schema), " TO` the role, or choose another --schema")
            : absl::StrCat("schema \"", schema,
                           "\" does not exist and the role may not create it: grant CREATE on the "
                           "database, or choose another --schema"));
  }
  if (!ledger_exists && !catalog.may_create_schema) {
    return absl::PermissionDeniedError(
        "the role may not create the ledger (schema vecferry) in the destination database: grant CREATE on the "
        "database");
  }
  return absl::OkStatus();
}

absl::Status CheckConnectionLimit(postgres::Connection& session, int wanted) {
  // -1 is no limit, and none holds for superusers.
  ASSIGN_OR_RETURN(
      const postgres::Result limit,
      session.Execute("SELECT least(nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)), r.rolname"
                      " FROM pg_catalog.pg_roles r, pg_catalog.pg_database d"
                      " WHERE r.rolname = session_user AND NOT r.rolsuper AND d.datname = current_database()"));
  if (limit.rows() == 0 || limit.is_null(0, 0) || limit.integer(0, 0) >= wanted) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("role \"", limit.text(0, 1), "\" may have ", limit.integer(0, 0),
                   " connections at once (its CONNECTION LIMIT, or "
                   "the database's), and the command may use ",
                   wanted, ": raise the limit, or give --max-connections (3 at least) a lower number"));
}

absl::StatusOr<PlanningLock> PlanningLock::Take(postgres::Connection& session, absl::string_view schema,
                                                absl::Duration patience) {
  std::string key = absl::StrCat("vecferry plan ", schema);
  const absl::Time deadline = absl::Now() + patience;
  while (true) {
    ASSIGN_OR_RETURN(const postgres::Result taken,
                     session.Execute("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", {key}));
    if (taken.truth(0, 0)) return PlanningLock(session, std::move(key));
    if (absl::Now() >= deadline) break;
    absl::SleepFor(absl::Milliseconds(100));
  }
  // A 64-bit advisory key shows as two halves in pg_locks.
  ASSIGN_OR_RETURN(
      const postgres::Result holder,
      session.Execute("SELECT l.pid, coalesce(to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS'), 'unknown')"
                      " FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)"
                      " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
                      " AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1, 0)",
                      {key}));
  return absl::AlreadyExistsError(absl::StrCat("another vecferry plans a migration into schema \"", schema,
                                               "\" (server process ", holder.rows() > 0 ? holder.text(0, 0) : "unknown",
                                               ", connected since ", holder.rows() > 0 ? holder.text(0, 1) : "unknown",
                                               " UTC): run the same command again when it is done"));
}

PlanningLock::~PlanningLock() {
  // A lost session has lost its lock too.
  if (session_ != nullptr) {
    session_->Execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", {key_}).status().IgnoreError();
  }
}

absl::Status StorePlan(postgres::Connection& session, const postgres::Catalog& catalog, core::Plan& plan,
                       absl::Duration begin, postgres::MigrationRow& row) {
  RETURN_IF_ERROR(postgres::EnsureLedger(session));
  base::FaultPoint("coordinator.before_plan_store");
  const absl::Status stored = postgres::InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(MakeTables(session, catalog, plan));
    ASSIGN_OR_RETURN(const postgres::Result id, session.Execute("SELECT gen_random_uuid()"));
    row.id = std::string(id.text(0, 0));
    row.plan = rpc::SerializePlan(plan);
    row.seconds.plan = absl::ToDoubleSeconds(Monotonic() - begin);
    return postgres::InsertMigration(session, row, plan, plan.identity.destination_schema);
  });
  if (stored.ok()) base::FaultPoint("coordinator.after_plan_store");
  return stored;
}

absl::Status CheckClaims(postgres::Connection& session, absl::string_view schema, const core::Plan* plan) {
  ASSIGN_OR_RETURN(const postgres::Result claims,
                   session.Execute("SELECT c.table_name, m.id, m.state FROM vecferry.claim c"
                                   " JOIN vecferry.migration m ON m.id = c.migration_id"
                                   " WHERE c.schema_name = $1 ORDER BY 1",
                                   {std::string(schema)}));
  for (int i = 0; i < claims.rows(); ++i) {
    bool wanted = plan == nullptr;
    for (const core::Table& table : plan == nullptr ? std::vector<core::Table>() : plan->tables) {
      wanted = wanted || table.name == claims.text(i, 0);
    }
    if (!wanted) continue;
    const std::string id(claims.text(i, 1));
    return absl::AlreadyExistsError(absl::StrCat("table ", core::QualifiedName(schema, claims.text(i, 0)),
                                                 " is held by migration ", id, " (", claims.text(i, 2),
                                                 "): resume that one by its own command, or `vecferry migrate cancel ",
                                                 id, " --drop`, or choose another --schema"));
  }
  return absl::OkStatus();
}

}  // namespace vecferry::coordinator
