// Migrations, claims and what a coordinator writes about them.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::postgres {
namespace {

constexpr char kSelectMigration[] = R"sql(
SELECT id, identity, state, plan, options, failure, resumed, coordinator_epoch, coordinator_host, coordinator_boot_id,
       to_char(coordinator_since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), coordinator_pid,
       extract(epoch FROM clock_timestamp() - coalesce(coordinator_seen_at, started_at)),
       to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
       seconds_plan, seconds_copy, seconds_finish, seconds_verify, seconds_total, verify_level, program_version
  FROM vecferry.migration )sql";

double Number(const Result& result, int row, int column) {
  double number = 0;
  return absl::SimpleAtod(result.text(row, column), &number) ? number : 0;
}

absl::StatusOr<MigrationRow> ReadMigration(const Result& result, int row) {
  MigrationRow read;
  const auto text = [&](int column) { return std::string(result.text(row, column)); };
  read.id = text(0);
  read.identity = text(1);
  ASSIGN_OR_RETURN(read.state, core::ParseState(result.text(row, 2)));
  read.plan = result.bytea(row, 3);
  read.options = text(4);
  read.failure = text(5);
  read.resumed = static_cast<int>(result.integer(row, 6));
  read.coordinator_epoch = static_cast<std::uint64_t>(result.integer(row, 7));
  read.coordinator_host = text(8);
  read.coordinator_boot_id = text(9);
  read.coordinator_since = text(10);
  read.coordinator_pid = static_cast<int>(result.integer(row, 11));
  read.coordinator_silent_seconds = Number(result, row, 12);
  read.started_at = text(13);
  read.finished_at = text(14);
  read.seconds = {Number(result, row, 15), Number(result, row, 16), Number(result, row, 17), Number(result, row, 18),
                  Number(result, row, 19)};
  read.verify_level = text(20);
  read.program_version = text(21);
  return read;
}

absl::StatusOr<std::vector<MigrationRow>> ReadMigrations(const Result& result) {
  std::vector<MigrationRow> rows;
  for (int row = 0; row < result.rows(); ++row) {
    ASSIGN_OR_RETURN(MigrationRow read, ReadMigration(result, row));
    rows.push_back(std::move(read));
  }
  return rows;
}

absl::Status InsertClaims(Connection& session, const std::string& id, const core::Plan& plan,
                          const std::string& schema) {
  for (const core::Table& table : plan.tables) {
    // One by one: a claim that exists is told by its holder, not by a failed transaction.
    ASSIGN_OR_RETURN(const Result claimed,
                     session.Execute("INSERT INTO vecferry.claim (schema_name, table_name, migration_id) "
                                     "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                                     {schema, table.name, id}));
    if (claimed.affected() == 1) continue;
    ASSIGN_OR_RETURN(
        const Result holder,
        session.Execute("SELECT m.id, m.state, m.id = $3 FROM vecferry.claim c JOIN vecferry.migration m ON m.id = "
                        "c.migration_id WHERE c.schema_name = $1 AND c.table_name = $2",
                        {schema, table.name, id}));
    if (holder.rows() == 0 || holder.truth(0, 2)) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        "table ", core::QualifiedName(schema, table.name), " belongs to the unfinished migration ", holder.text(0, 0),
        " (", holder.text(0, 1), "): resume that one by its own command, or end it by: vecferry migrate cancel ",
        holder.text(0, 0), " --drop"));
  }
  return absl::OkStatus();
}

absl::Status InsertShards(Connection& session, const std::string& id, const core::Plan& plan) {
  RowsInsert insert("INSERT INTO vecferry.shard (migration_id, shard, mapping, lower_key, upper_key) VALUES",
                    {"uuid", "integer", "integer", "bytea", "bytea"});
  for (const core::Shard& shard : plan.shards) {
    insert.Add({id, std::int64_t{shard.id}, std::int64_t{shard.mapping}, Param::OptionalBytea(shard.lower),
                Param::OptionalBytea(shard.upper)});
    if (insert.full()) RETURN_IF_ERROR(insert.Flush(session));
  }
  return insert.Flush(session);
}

// An update that only the coordinator with this epoch may do. $1 and $2 are id and epoch.
absl::Status UpdateAsCoordinator(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                                 absl::string_view assignments, std::vector<Param> more) {
  std::vector<Param> params = {std::string(migration_id), static_cast<std::int64_t>(epoch)};
  params.insert(params.end(), more.begin(), more.end());
  ASSIGN_OR_RETURN(const Result updated, session.Execute(absl::StrCat("UPDATE vecferry.migration SET ", assignments,
                                                                      " WHERE id = $1 AND coordinator_epoch = $2"),
                                                         params));
  if (updated.affected() == 1) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("migration ", migration_id, " is no longer driven from here (epoch ", epoch, ")"));
}

}  // namespace

absl::Status InsertMigration(Connection& session, const MigrationRow& row, const core::Plan& plan,
                             absl::string_view destination_schema) {
  const std::string schema(destination_schema);
  RETURN_IF_ERROR(
      session
          .Execute("INSERT INTO vecferry.migration (id, identity, destination_schema, state, plan, options, "
                   "program_version, seconds_plan) VALUES ($1, $2, $3, 'PLANNED', $4, $5, $6, $7)",
                   {row.id, row.identity, schema, Param::Bytea(row.plan), row.options.empty() ? "{}" : row.options,
                    row.program_version, absl::StrCat(row.seconds.plan)})
          .status());
  RETURN_IF_ERROR(InsertClaims(session, row.id, plan, schema));
  RETURN_IF_ERROR(InsertShards(session, row.id, plan));
  return RecordEvent(session, row.id, "planned",
                     absl::StrCat(plan.mappings.size(), " mappings, ", plan.shards.size(), " shards"));
}

absl::StatusOr<std::optional<MigrationRow>> FindUnfinished(Connection& session, absl::string_view identity) {
  ASSIGN_OR_RETURN(
      const Result found,
      session.Execute(absl::StrCat(kSelectMigration, "WHERE identity = $1 AND NOT ended ORDER BY started_at"),
                      {std::string(identity)}));
  if (found.rows() == 0) return std::nullopt;
  ASSIGN_OR_RETURN(MigrationRow row, ReadMigration(found, 0));
  return row;
}

absl::StatusOr<std::vector<MigrationRow>> ListMigrations(Connection& session) {
  ASSIGN_OR_RETURN(const Result found, session.Execute(absl::StrCat(kSelectMigration, "ORDER BY started_at, id")));
  return ReadMigrations(found);
}

absl::StatusOr<std::vector<MigrationRow>> ListUnfinished(Connection& session) {
  ASSIGN_OR_RETURN(const Result found,
                   session.Execute(absl::StrCat(kSelectMigration, "WHERE NOT ended ORDER BY started_at, id")));
  return ReadMigrations(found);
}

absl::StatusOr<MigrationRow> GetMigration(Connection& session, absl::string_view id_or_prefix) {
  const std::string prefix = absl::AsciiStrToLower(id_or_prefix);
  ASSIGN_OR_RETURN(const Result found,
                   session.Execute(absl::StrCat(kSelectMigration,
                                                "WHERE CASE WHEN $1 = '' THEN NOT ended ELSE "
                                                "starts_with(id::text, $1) END ORDER BY started_at, id"),
                                   {prefix}));
  if (found.rows() == 1) return ReadMigration(found, 0);
  if (found.rows() == 0) {
    return absl::NotFoundError(prefix.empty() ? "no unfinished migration; vecferry migrate list shows all"
                                              : absl::StrCat("no migration ", core::SanitizeText(prefix),
                                                             "; vecferry migrate list shows all"));
  }
  std::vector<std::string> ids;
  for (int row = 0; row < found.rows(); ++row)
    ids.push_back(absl::StrCat(found.text(row, 0), " (", found.text(row, 2), ")"));
  return absl::InvalidArgumentError(
      absl::StrCat(prefix.empty() ? "several migrations are unfinished" : "several migrations fit",
                   "; say which: ", absl::StrJoin(ids, ", ")));
}

absl::Status SetState(Connection& session, absl::string_view migration_id, std::uint64_t epoch, core::State state,
                      absl::string_view failure) {
  RETURN_IF_ERROR(
      UpdateAsCoordinator(session, migration_id, epoch,
                          "state = $3, failure = $4, "
                          "finished_at = CASE WHEN $5::boolean THEN clock_timestamp() END",
                          {std::string(core::ToString(state)), core::SanitizeText(failure), core::IsEnded(state)}));
  return RecordEvent(session, migration_id, core::ToString(state), failure);
}

absl::Status AddStageSeconds(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                             const core::StageSeconds& seconds) {
  return UpdateAsCoordinator(
      session, migration_id, epoch,
      "seconds_plan = seconds_plan + $3::float8, seconds_copy = seconds_copy + $4::float8, seconds_finish = "
      "seconds_finish + $5::float8, seconds_verify = seconds_verify + $6::float8, seconds_total = seconds_total + "
      "$7::float8",
      {absl::StrCat(seconds.plan), absl::StrCat(seconds.copy), absl::StrCat(seconds.finish),
       absl::StrCat(seconds.verify), absl::StrCat(seconds.total)});
}

absl::Status SetOptions(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                        absl::string_view options_json) {
  return UpdateAsCoordinator(session, migration_id, epoch, "options = $3::jsonb", {std::string(options_json)});
}

absl::Status SetPlan(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                     absl::string_view plan_bytes) {
  return UpdateAsCoordinator(session, migration_id, epoch, "plan = $3::bytea", {Param::Bytea(std::string(plan_bytes))});
}

absl::Status SetVerifyLevel(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                            absl::string_view level) {
  return UpdateAsCoordinator(session, migration_id, epoch, "verify_level = $3", {std::string(level)});
}

absl::Status ReleaseClaims(Connection& session, absl::string_view migration_id) {
  return session.Execute("DELETE FROM vecferry.claim WHERE migration_id = $1", {std::string(migration_id)}).status();
}

absl::Status RecordIndex(Connection& session, absl::string_view migration_id, const core::IndexReport& index) {
  return session
      .Execute(
          "INSERT INTO vecferry.index_build (migration_id, table_name, name, definition, seconds) "
          "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (migration_id, table_name, name) DO UPDATE SET "
          "definition = excluded.definition, seconds = excluded.seconds, built_at = clock_timestamp()",
          {std::string(migration_id), index.table, index.name, core::SanitizeText(index.definition),
           absl::StrCat(index.seconds)})
      .status();
}

absl::Status RecordEvent(Connection& session, absl::string_view migration_id, absl::string_view kind,
                         absl::string_view detail) {
  return session
      .Execute("INSERT INTO vecferry.event (migration_id, kind, detail) VALUES ($1, $2, $3)",
               {std::string(migration_id), std::string(kind), core::SanitizeText(detail)})
      .status();
}

}  // namespace vecferry::postgres
