#ifndef VECFERRY_COMMON_POSTGRES_LEDGER_H_
#define VECFERRY_COMMON_POSTGRES_LEDGER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/core/migration.h"
#include "common/core/plan.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {

// SQL of the ledger, schema `vecferry` (docs/ledger.md): functions over a session, no state of their own. What must be
// one transaction is said; the caller begins and commits unless a function says otherwise.

inline constexpr int kLedgerVersion = 3;

// Makes the ledger or brings it to this program's version, in one transaction under a lock. Idempotent.
// Errors: kFailedPrecondition when a newer program made it, naming both versions.
absl::Status EnsureLedger(Connection& session);
// False also when the schema is absent. Writes nothing. Errors: kFailedPrecondition as EnsureLedger: nothing that a
// newer program keeps there is to be understood, or changed.
absl::StatusOr<bool> LedgerExists(Connection& session);
absl::Status DropLedger(Connection& session);  // kFailedPrecondition while a migration is unfinished

// ---- migrations ----

struct MigrationRow {
  std::string id;        // UUID
  std::string identity;  // canonical text of core::Identity
  core::State state = core::State::kPlanned;
  std::string plan;     // serialized vecferry.v1.Plan
  std::string options;  // JSON text: tuning flags of the last command, without credentials
  std::string failure;
  int resumed = 0;
  std::uint64_t coordinator_epoch = 0;
  std::string coordinator_host, coordinator_boot_id, coordinator_since;
  int coordinator_pid = 0;
  double coordinator_silent_seconds = 0;  // since one was heard of, or the start, by the database's clock
  std::string started_at, finished_at;    // RFC 3339 UTC, "" = not yet
  core::StageSeconds seconds;
  std::string verify_level;
  std::string program_version;
};

// Stores a new migration (state PLANNED) with its shards and claims. Part of the caller's transaction, which also made
// the tables. Errors: kAlreadyExists naming the holder when a destination table is claimed.
absl::Status InsertMigration(Connection& session, const MigrationRow& row, const core::Plan& plan,
                             absl::string_view destination_schema);
// The unfinished migration of this identity, if any.
absl::StatusOr<std::optional<MigrationRow>> FindUnfinished(Connection& session, absl::string_view identity);
absl::StatusOr<std::vector<MigrationRow>> ListMigrations(Connection& session);
absl::StatusOr<std::vector<MigrationRow>> ListUnfinished(Connection& session);
// By id or unique prefix; "" = the only unfinished one. kNotFound; kInvalidArgument (ambiguous, with the list).
absl::StatusOr<MigrationRow> GetMigration(Connection& session, absl::string_view id_or_prefix);

// ---- the coordinator's hold (protocol section 1) ----

struct CoordinatorIdentity {
  std::string host, boot_id;
  int pid = 0;
};
// Takes the session advisory lock of a migration on `lock_session`, which must run nothing else, and raises the
// coordinator epoch. Returns the new epoch; from the second on the migration counts as resumed. Takes over from a dead
// or 30 s silent holder by terminating its session; otherwise tries for `patience`. Errors: kAlreadyExists naming host,
// pid and since; kFailedPrecondition when the session goes through a transaction pooler.
absl::StatusOr<std::uint64_t> TakeCoordination(Connection& lock_session, absl::string_view migration_id,
                                               const CoordinatorIdentity& self, absl::Duration patience);
// Renews coordinator_seen_at. kAborted: another coordinator has the migration.
absl::Status RenewCoordination(Connection& session, absl::string_view migration_id, std::uint64_t epoch);
// Terminates every session of the migration's writers and finish statements but our own, and waits until they are gone.
absl::Status TerminateLeftovers(Connection& session, absl::string_view migration_id);

// Each with coordinator_epoch in the WHERE: kAborted when it no longer matches.
absl::Status SetState(Connection& session, absl::string_view migration_id, std::uint64_t epoch, core::State state,
                      absl::string_view failure);
absl::Status AddStageSeconds(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                             const core::StageSeconds& seconds);  // adds, not sets
absl::Status SetOptions(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                        absl::string_view options_json);
absl::Status SetPlan(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                     absl::string_view plan_bytes);  // reconcile only: a new fingerprint
absl::Status SetVerifyLevel(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                            absl::string_view level);
absl::Status ReleaseClaims(Connection& session, absl::string_view migration_id);
absl::Status RecordIndex(Connection& session, absl::string_view migration_id, const core::IndexReport& index);
absl::Status RecordEvent(Connection& session, absl::string_view migration_id, absl::string_view kind,
                         absl::string_view detail);

// ---- what a verification found ----

// Forgets an earlier one.
absl::Status ForgetFindings(Connection& session, absl::string_view migration_id);
absl::Status RecordCheck(Connection& session, absl::string_view migration_id, const core::CheckReport& check);
absl::Status RecordDifference(Connection& session, absl::string_view migration_id,
                              const core::DifferenceReport& difference);
// Differences that were counted, and not named.
absl::Status AddDifferences(Connection& session, absl::string_view migration_id, std::int64_t more);
absl::Status RecordRecall(Connection& session, absl::string_view migration_id, const core::RecallReport& recall);
absl::Status RecordSize(Connection& session, absl::string_view migration_id, const core::TableSize& size);
// SHA-256 of the page that was written of it, hexadecimal.
absl::Status RecordPageDigest(Connection& session, absl::string_view migration_id, absl::string_view sha256);
// A later verification of a migration that has ended takes the place of the one before: findings, level and verdict of
// `report`, in one transaction. kFailedPrecondition: it has not ended, its tables are gone, or
// what a more thorough one found to differ is not shown to be mended.
absl::Status StoreVerification(Connection& session, const core::Report& report);
absl::Status LoadFindings(Connection& session, absl::string_view migration_id, core::Report& report);

// ---- shards ----

struct ShardRow {
  int id = 0;
  int mapping = 0;
  core::Checkpoint checkpoint;
  std::uint64_t lease_epoch = 0;
  std::string lease_owner;
  absl::Duration lease_left;  // by the database's clock; negative or zero = none runs
};
absl::StatusOr<std::vector<ShardRow>> LoadShards(Connection& session, absl::string_view migration_id);
// Grants a lease: raises lease_epoch, terminating older epochs' writer sessions of the shard first. Returns the epoch.
// Its own transaction. kAborted: the coordinator's epoch is another; kUnavailable: the shard's row stays locked.
absl::StatusOr<std::uint64_t> GrantLease(Connection& session, absl::string_view migration_id, std::uint64_t epoch,
                                         int shard, absl::string_view owner, absl::Duration duration);
// kAborted: the lease is another's.
absl::Status RenewLease(Connection& session, absl::string_view migration_id, int shard, std::uint64_t lease_epoch,
                        absl::Duration duration);

// ---- a writer's stream (protocol section 4) ----

// The option `rejects_max` of the migration's last command. kNotFound: no such migration.
absl::StatusOr<std::int64_t> LoadRejectsMax(Connection& session, absl::string_view migration_id);

struct OpenedStream {
  std::uint64_t stream_epoch = 0;
  core::Checkpoint checkpoint;
};
// Fences every earlier stream of the shard; its own transaction. kAborted: other lease epoch. kNotFound: no such shard.
absl::StatusOr<OpenedStream> OpenStream(Connection& session, absl::string_view migration_id, int shard,
                                        std::uint64_t lease_epoch);

struct Advance {
  std::uint64_t first_sequence = 0, last_sequence = 0;
  std::optional<std::string> key_before_first;
  core::Checkpoint after;  // absolute values: position, counters, source count and sum
};
// In the data's transaction. Roll back on errors: kFailedPrecondition: the stored position is another (the text tells
// it) or a later stream was opened; kAborted: other lease epoch.
absl::Status AdvanceShard(Connection& session, absl::string_view migration_id, int shard, std::uint64_t lease_epoch,
                          std::uint64_t stream_epoch, const Advance& advance);
// In the data's transaction. raw over 1 MiB is stored in parts.
absl::Status InsertIssues(Connection& session, absl::string_view migration_id, int shard,
                          absl::Span<const core::RowIssue> issues);
// Rejected rows of the migration so far, this transaction's included (`skipped` ones do not count). Transactions that
// ask wait for one another until they end: so no two of them can pass --max-rejects together. After AdvanceShard.
absl::StatusOr<std::int64_t> CountRejected(Connection& session, absl::string_view migration_id);

// ---- report ----

// Everything of the report that the ledger knows: state, times, tables (from plan and shards), issues, indexes, checks.
absl::StatusOr<core::Report> LoadReport(Connection& session, const MigrationRow& row, const core::Plan& plan);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_LEDGER_H_
