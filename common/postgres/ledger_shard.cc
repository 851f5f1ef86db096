// Shards, leases and a writer's stream (protocol sections 1 and 4).
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::postgres {
namespace {

// The columns of a checkpoint, in the order of ReadCheckpoint.
constexpr char kCheckpoint[] =
    "next_sequence, last_key, done, rows_read, inserted, present, updated, conflicting, repaired, rejected, "
    "values_rounded, bytes, source_count, source_sum";

absl::StatusOr<core::Checkpoint> ReadCheckpoint(const Result& result, int row, int column) {
  core::Checkpoint read;
  read.next_sequence = static_cast<std::uint64_t>(result.integer(row, column));
  read.last_key = result.optional_bytea(row, column + 1);
  read.done = result.truth(row, column + 2);
  core::Counters& counters = read.counters;
  std::int64_t* const numbers[] = {
      &counters.read,     &counters.inserted, &counters.present,        &counters.updated, &counters.conflicting,
      &counters.repaired, &counters.rejected, &counters.values_rounded, &counters.bytes,   &read.source_count};
  int at = column + 3;
  for (std::int64_t* number : numbers) *number = result.integer(row, at++);
  ASSIGN_OR_RETURN(read.source_sum, core::Sum128::FromBytes(result.bytea(row, at)));
  return read;
}

std::vector<Param> ShardParams(absl::string_view migration_id, int shard) {
  return {std::string(migration_id), std::int64_t{shard}};
}

// Why an update with the lease in its WHERE found nothing.
absl::Status ExplainLease(Connection& session, absl::string_view migration_id, int shard, std::uint64_t lease_epoch) {
  ASSIGN_OR_RETURN(const Result stored,
                   session.Execute("SELECT lease_epoch FROM vecferry.shard WHERE migration_id = $1 AND shard = $2",
                                   ShardParams(migration_id, shard)));
  if (stored.rows() == 0) {
    return absl::NotFoundError(absl::StrCat("no shard ", shard, " in migration ", migration_id));
  }
  return absl::AbortedError(
      absl::StrCat("shard ", shard, " is leased with epoch ", stored.integer(0, 0), ", not with epoch ", lease_epoch));
}

}  // namespace

absl::StatusOr<std::vector<ShardRow>> LoadShards(Connection& session, absl::string_view migration_id) {
  ASSIGN_OR_RETURN(
      const Result result,
      session.Execute(absl::StrCat("SELECT shard, mapping, lease_epoch, lease_owner, (extract(epoch FROM "
                                   "coalesce(lease_until - clock_timestamp(), '0')) * 1000)::bigint, ",
                                   kCheckpoint, " FROM vecferry.shard WHERE migration_id = $1 ORDER BY shard"),
                      {std::string(migration_id)}));
  std::vector<ShardRow> shards;
  for (int row = 0; row < result.rows(); ++row) {
    ShardRow& shard = shards.emplace_back();
    shard.id = static_cast<int>(result.integer(row, 0));
    shard.mapping = static_cast<int>(result.integer(row, 1));
    shard.lease_epoch = static_cast<std::uint64_t>(result.integer(row, 2));
    shard.lease_owner = std::string(result.text(row, 3));
    shard.lease_left = absl::Milliseconds(result.integer(row, 4));
    ASSIGN_OR_RETURN(shard.checkpoint, ReadCheckpoint(result, row, 5));
  }
  return shards;
}

absl::StatusOr<std::uint64_t> GrantLease(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                                         int shard, absl::string_view owner, absl::Duration duration) {
  // A stopped process keeps its locks and ignores timeouts: its session must end before the epoch is raised.
  RETURN_IF_ERROR(TerminateSessions(session, absl::StrCat("vecferry/", migration_id, "/", shard, "/")));
  std::vector<Param> params = ShardParams(migration_id, shard);
  params.insert(params.end(), {Param(static_cast<std::int64_t>(epoch)), Param(std::string(owner)),
                               Param(absl::ToInt64Milliseconds(duration))});
  std::uint64_t granted = 0;
  RETURN_IF_ERROR(InTransaction(session, [&]() -> absl::Status {
    RETURN_IF_ERROR(session.ExecuteScript("SET LOCAL lock_timeout = '5s'"));
    ASSIGN_OR_RETURN(
        const Result raised,
        session.Execute("UPDATE vecferry.shard SET lease_epoch = lease_epoch + 1, lease_owner = $4, "
                        "lease_until = clock_timestamp() + $5::bigint * interval '1 ms' "
                        "WHERE migration_id = $1 AND shard = $2 AND EXISTS (SELECT FROM vecferry.migration "
                        "WHERE id = $1 AND coordinator_epoch = $3) RETURNING lease_epoch",
                        params));
    if (raised.rows() == 0) {
      return absl::AbortedError(absl::StrCat("shard ", shard, " of migration ", migration_id,
                                             " is not this coordinator's to lease (epoch ", epoch, ")"));
    }
    granted = static_cast<std::uint64_t>(raised.integer(0, 0));
    return absl::OkStatus();
  }));
  return granted;
}

absl::Status RenewLease(Connection& session, absl::string_view migration_id, int shard, std::uint64_t lease_epoch,
                        absl::Duration duration) {
  std::vector<Param> params = ShardParams(migration_id, shard);
  params.insert(params.end(),
                {Param(static_cast<std::int64_t>(lease_epoch)), Param(absl::ToInt64Milliseconds(duration))});
  ASSIGN_OR_RETURN(const Result renewed,
                   session.Execute("UPDATE vecferry.shard SET lease_until = clock_timestamp() + $4::bigint * interval "
                                   "'1 ms' WHERE migration_id = $1 AND shard = $2 AND lease_epoch = $3",
                                   params));
  if (renewed.affected() == 1) return absl::OkStatus();
  return ExplainLease(session, migration_id, shard, lease_epoch);
}

absl::StatusOr<std::int64_t> LoadRejectsMax(Connection& session, absl::string_view migration_id) {
  ASSIGN_OR_RETURN(const Result read,
                   session.Execute("SELECT coalesce((options->>'rejects_max')::bigint, 1000) FROM vecferry.migration "
                                   "WHERE id = $1",
                                   {std::string(migration_id)}));
  if (read.rows() == 0) return absl::NotFoundError(absl::StrCat("no migration ", migration_id));
  return read.integer(0, 0);
}

absl::StatusOr<OpenedStream> OpenStream(Connection& session, absl::string_view migration_id, int shard,
                                        std::uint64_t lease_epoch) {
  OpenedStream opened;
  std::vector<Param> params = ShardParams(migration_id, shard);
  params.emplace_back(static_cast<std::int64_t>(lease_epoch));
  RETURN_IF_ERROR(InTransaction(session, [&]() -> absl::Status {
    // An earlier stream may be committing; one that hangs must not make this one hang.
    RETURN_IF_ERROR(session.ExecuteScript("SET LOCAL lock_timeout = '10s'"));
    ASSIGN_OR_RETURN(const Result raised,
                     session.Execute(absl::StrCat("UPDATE vecferry.shard SET stream_epoch = stream_epoch + 1 WHERE "
                                                  "migration_id = $1 AND shard = $2 AND lease_epoch = $3 RETURNING "
                                                  "stream_epoch, ",
                                                  kCheckpoint),
                                     params));
    if (raised.rows() == 0) return ExplainLease(session, migration_id, shard, lease_epoch);
    opened.stream_epoch = static_cast<std::uint64_t>(raised.integer(0, 0));
    ASSIGN_OR_RETURN(opened.checkpoint, ReadCheckpoint(raised, 0, 1));
    return absl::OkStatus();
  }));
  return opened;
}

absl::Status AdvanceShard(Connection& session, absl::string_view migration_id, int shard, std::uint64_t lease_epoch,
                          std::uint64_t stream_epoch, const Advance& advance) {
  const core::Checkpoint& after = advance.after;
  const core::Counters& n = after.counters;
  std::vector<Param> params = ShardParams(migration_id, shard);
  params.insert(
      params.end(),
      {Param(static_cast<std::int64_t>(lease_epoch)), Param(static_cast<std::int64_t>(stream_epoch)),
       Param(static_cast<std::int64_t>(advance.first_sequence)), Param::OptionalBytea(advance.key_before_first),
       Param(static_cast<std::int64_t>(advance.last_sequence + 1)), Param::OptionalBytea(after.last_key),
       Param(after.done), Param(n.read), Param(n.inserted), Param(n.present), Param(n.updated), Param(n.conflicting),
       Param(n.repaired), Param(n.rejected), Param(n.values_rounded), Param(n.bytes), Param(after.source_count),
       Param::Bytea(after.source_sum.ToBytes())});
  ASSIGN_OR_RETURN(
      const Result advanced,
      session.Execute(
          "UPDATE vecferry.shard SET next_sequence = $7, last_key = $8, done = $9, rows_read = $10, inserted = "
          "$11, present = $12, updated = $13, conflicting = $14, repaired = $15, rejected = $16, "
          "values_rounded = $17, bytes = $18, source_count = $19, source_sum = $20 WHERE migration_id = $1 "
          "AND shard = $2 AND lease_epoch = $3 AND stream_epoch = $4 AND next_sequence = $5 AND last_key IS "
          "NOT DISTINCT FROM $6::bytea",
          params));
  if (advanced.affected() == 1) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Result stored,
                   session.Execute("SELECT lease_epoch, next_sequence, encode(last_key, 'hex'), stream_epoch FROM "
                                   "vecferry.shard WHERE migration_id = $1 AND shard = $2",
                                   ShardParams(migration_id, shard)));
  if (stored.rows() == 0 || stored.integer(0, 0) != static_cast<std::int64_t>(lease_epoch)) {
    return ExplainLease(session, migration_id, shard, lease_epoch);
  }
  return absl::FailedPreconditionError(absl::StrCat("shard ", shard, " expects batch ", stored.integer(0, 1),
                                                    " after key ", stored.is_null(0, 2) ? "(none)" : stored.text(0, 2),
                                                    " on stream ", stored.integer(0, 3), "; got batch ",
                                                    advance.first_sequence, " on stream ", stream_epoch));
}

absl::StatusOr<std::int64_t> CountRejected(Connection& session, absl::string_view migration_id) {
  const Param id{std::string(migration_id)};
  // Two statements: the second one's snapshot must be newer than the end of whoever held the lock.
  RETURN_IF_ERROR(
      session.Execute("SELECT pg_advisory_xact_lock(hashtextextended('vecferry/rejects/' || $1::uuid::text, 0))", {id})
          .status());
  ASSIGN_OR_RETURN(
      const Result sum,
      session.Execute(absl::StrCat("SELECT (SELECT coalesce(sum(rejected), 0) FROM vecferry.shard WHERE migration_id = "
                                   "$1) - (SELECT count(*) FROM vecferry.row_issue WHERE migration_id = $1 AND action "
                                   "= 'rejected' AND kind = '",
                                   core::kWaiting, "')"),
                      {id}));
  return sum.integer(0, 0);
}

}  // namespace vecferry::postgres
