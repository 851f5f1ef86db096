#ifndef VECFERRY_COMMON_POSTGRES_LEDGER_REJECTS_H_
#define VECFERRY_COMMON_POSTGRES_LEDGER_REJECTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/core/migration.h"
#include "common/core/report.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {

// Rejected rows in the ledger: looking at them, and noting that one was carried later. As ledger.h: functions over a
// session; what must be one transaction is said.

struct Reject {
  std::int64_t id = 0;
  int shard = 0;
  std::string source_table, source_key, source_key_record;  // source_key: JSON text
  std::optional<std::int64_t> source_rowid;
  std::string destination_table, column, kind, reason, raw_format;
};

// Whether the ledger holds the whole row. It does not where a row was too large to be kept.
bool HoldsRow(absl::string_view raw_format);

// Rejected rows of the migration in the order of their numbers: those behind `after`, `limit` at most.
absl::StatusOr<std::vector<Reject>> ListRejects(Connection& session, absl::string_view migration_id, std::int64_t after,
                                                int limit);
absl::StatusOr<std::map<std::string, std::int64_t>> CountRejectsByKind(Connection& session,
                                                                       absl::string_view migration_id);
// Calls `on_part` with the kept bytes of an issue, in parts of 1 MiB at most; not at all when nothing was kept.
absl::Status ReadRaw(Connection& session, std::int64_t issue,
                     absl::FunctionRef<absl::Status(absl::string_view)> on_part);

// ---- carrying them later ----

struct RejectPlace {
  std::int64_t id = 0;
  int shard = 0;
  bool holds_row = false;
};
// By number; "" and 0 select all.
absl::StatusOr<std::vector<RejectPlace>> SelectRejects(Connection& session, absl::string_view migration_id,
                                                       const std::string& source_table, const std::string& kind,
                                                       std::int64_t issue);
// Locks the issue until the transaction's end. nullopt: it is no longer rejected.
absl::StatusOr<std::optional<Reject>> LockReject(Connection& session, std::int64_t issue);
// In the transaction that inserted the row: the issue becomes `replayed`, with `reason`.
absl::Status MarkReplayed(Connection& session, std::int64_t issue, const std::string& reason);
// The same transaction: the row counts no longer as rejected, if it did, and as `moved` says.
absl::Status MoveFromRejected(Connection& session, absl::string_view migration_id, int shard,
                              const core::Counters& moved);
// Whether the row under this source key was told as repaired.
absl::StatusOr<bool> WasRepaired(Connection& session, absl::string_view migration_id, int shard,
                                 const std::string& source_key_record);
// It stays rejected, and this is why now.
absl::Status RefuseAgain(Connection& session, std::int64_t issue, const core::RowIssue& refusal);

// ---- rows that wait for a parent (kind `waiting`) ----

struct WaitingCount {
  std::int64_t rows = 0;
  std::vector<int> shards;  // that have some, ascending
};
absl::StatusOr<WaitingCount> CountWaiting(Connection& session, absl::string_view migration_id);

struct WaitingRow {
  std::int64_t issue = 0;
  std::string tuple;
};
// The next rows of a shard, behind the issue `after`, until their tuples have `bytes_max`: the last one may exceed it.
absl::StatusOr<std::vector<WaitingRow>> ReadWaiting(Connection& session, absl::string_view migration_id, int shard,
                                                    std::int64_t after, std::int64_t bytes_max);
// In the transaction that carried them: these issues become `replayed`, and their rows (with the conflicting ones among
// `moved`) count no longer as rejected but as `moved` says. kAborted: one of them waits no longer.
absl::Status MarkWaitingReplayed(Connection& session, absl::string_view migration_id, int shard, bool counted,
                                 const std::vector<std::int64_t>& issues, const core::Counters& moved);
// In that transaction: its key is there with other content, which stays.
absl::Status MarkConflicting(Connection& session, std::int64_t issue, const std::string& reason);

struct StillRejected {
  std::map<std::string, std::int64_t> by_kind;
  std::vector<core::IssueReport> first;  // `limit` at most
};
absl::StatusOr<StillRejected> ReadStillRejected(Connection& session, absl::Span<const std::int64_t> issues, int limit);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_LEDGER_REJECTS_H_
