// Who drives a migration (protocol section 1).
#include <signal.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "common/postgres/ledger_sql.h"

namespace vecferry::postgres {
namespace {

constexpr absl::Duration kRetryInterval = absl::Milliseconds(50);
constexpr double kSilentSecondsMax = 30;

struct Holder {
  int backend_pid = 0;  // 0 = nobody holds the lock any more
  CoordinatorIdentity identity;
  std::string since;
  double silent_seconds = 0;
};

absl::StatusOr<int> BackendPid(Connection& session) {
  ASSIGN_OR_RETURN(const Result pid, session.Execute("SELECT pg_backend_pid()"));
  return static_cast<int>(pid.integer(0, 0));
}

absl::StatusOr<bool> TryLock(Connection& session, const std::string& id) {
  ASSIGN_OR_RETURN(const Result locked,
                   session.Execute(absl::StrCat("SELECT pg_try_advisory_lock(", kMigrationLockKey, ")"), {id}));
  return locked.truth(0, 0);
}

// A lock held by a session that is not ours for every statement would protect nothing.
absl::Status RefusePooler(Connection& session, const std::string& id, int first_pid) {
  ASSIGN_OR_RETURN(const Result holds,
                   session.Execute(absl::StrCat("SELECT pg_backend_pid(), count(*) FROM pg_catalog.pg_locks, (SELECT ",
                                                kMigrationLockKey,
                                                " AS key) k WHERE locktype = 'advisory' AND granted AND pid = "
                                                "pg_backend_pid() AND (classid::bigint << 32 | objid::bigint) = key"),
                                   {id}));
  if (holds.integer(0, 0) == first_pid && holds.integer(0, 1) > 0) return absl::OkStatus();
  return LentSessionError();
}

absl::StatusOr<Holder> ReadHolder(Connection& session, const std::string& id) {
  ASSIGN_OR_RETURN(
      const Result read,
      session.Execute(
          absl::StrCat("SELECT l.pid, m.coordinator_host, m.coordinator_boot_id, m.coordinator_pid, "
                       "to_char(m.coordinator_since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
                       "extract(epoch FROM clock_timestamp() - m.coordinator_seen_at) "
                       "FROM vecferry.migration m LEFT JOIN pg_catalog.pg_locks l ON l.locktype = 'advisory' "
                       "AND l.granted AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = "
                       "current_database()) AND (l.classid::bigint << 32 | l.objid::bigint) = ",
                       kMigrationLockKey, " WHERE m.id = $1"),
          {id}));
  if (read.rows() == 0) return absl::NotFoundError(absl::StrCat("no migration ", id));
  Holder holder;
  holder.backend_pid = static_cast<int>(read.integer(0, 0));
  holder.identity = {std::string(read.text(0, 1)), std::string(read.text(0, 2)), static_cast<int>(read.integer(0, 3))};
  holder.since = std::string(read.text(0, 4));
  if (!absl::SimpleAtod(read.text(0, 5), &holder.silent_seconds)) holder.silent_seconds = 0;
  return holder;
}

bool IsDead(const Holder& holder, const CoordinatorIdentity& self) {
  const CoordinatorIdentity& its = holder.identity;
  if (holder.silent_seconds > kSilentSecondsMax) return true;
  // The host too: containers of one machine share the boot id, but not their process numbers.
  if (its.pid <= 0 || its.boot_id.empty() || its.boot_id != self.boot_id || its.host != self.host) return false;
  return kill(its.pid, 0) != 0 && errno == ESRCH;
}

absl::Status TerminateHolder(Connection& session, const std::string& id, const Holder& holder) {
  const auto terminated = session.Execute("SELECT pg_terminate_backend($1)", {std::int64_t{holder.backend_pid}});
  if (absl::IsPermissionDenied(terminated.status())) {
    return absl::PermissionDeniedError(absl::StrCat("the dead coordinator's session ", holder.backend_pid,
                                                    " belongs to another role: run as that role, or GRANT "
                                                    "pg_signal_backend to this one"));
  }
  RETURN_IF_ERROR(terminated.status());
  return RecordEvent(session, id, "takeover",
                     absl::StrCat("from process ", holder.identity.pid, " on ", holder.identity.host, ", silent for ",
                                  static_cast<std::int64_t>(holder.silent_seconds), " s"));
}

absl::StatusOr<std::uint64_t> RaiseEpoch(Connection& session, const std::string& id, const CoordinatorIdentity& self) {
  ASSIGN_OR_RETURN(
      const Result raised,
      session.Execute("UPDATE vecferry.migration SET resumed = resumed + (coordinator_epoch > 0)::integer, "
                      "coordinator_epoch = coordinator_epoch + 1, coordinator_host = $2, "
                      "coordinator_boot_id = $3, coordinator_pid = $4, coordinator_since = "
                      "clock_timestamp(), coordinator_seen_at = clock_timestamp() WHERE id = $1 "
                      "RETURNING coordinator_epoch",
                      {id, self.host, self.boot_id, std::int64_t{self.pid}}));
  if (raised.rows() == 0) return absl::NotFoundError(absl::StrCat("no migration ", id));
  RETURN_IF_ERROR(RecordEvent(session, id, "coordinator", absl::StrCat("process ", self.pid, " on ", self.host)));
  return static_cast<std::uint64_t>(raised.integer(0, 0));
}

}  // namespace

absl::StatusOr<std::uint64_t> TakeCoordination(Connection& lock_session, absl::string_view migration_id,
                                               const CoordinatorIdentity& self, absl::Duration patience) {
  const std::string id(migration_id);
  const absl::Time deadline = absl::Now() + patience;
  ASSIGN_OR_RETURN(const int pid, BackendPid(lock_session));
  while (true) {
    ASSIGN_OR_RETURN(const bool locked, TryLock(lock_session, id));
    if (locked) {
      RETURN_IF_ERROR(RefusePooler(lock_session, id, pid));
      return RaiseEpoch(lock_session, id, self);
    }
    ASSIGN_OR_RETURN(const Holder holder, ReadHolder(lock_session, id));
    if (holder.backend_pid != 0 && IsDead(holder, self)) {
      RETURN_IF_ERROR(TerminateHolder(lock_session, id, holder));
    } else if (absl::Now() > deadline) {
      return absl::AlreadyExistsError(absl::StrCat("migration ", id, " is driven by process ", holder.identity.pid,
                                                   " on ", holder.identity.host, " since ", holder.since,
                                                   ": wait for it, or look at it by: vecferry migrate status ", id));
    }
    absl::SleepFor(kRetryInterval);
  }
}

absl::Status RenewCoordination(Connection& session, absl::string_view migration_id, std::uint64_t epoch) {
  ASSIGN_OR_RETURN(const Result renewed,
                   session.Execute("UPDATE vecferry.migration SET coordinator_seen_at = clock_timestamp() "
                                   "WHERE id = $1 AND coordinator_epoch = $2",
                                   {std::string(migration_id), static_cast<std::int64_t>(epoch)}));
  if (renewed.affected() == 1) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat("another coordinator drives migration ", migration_id));
}

absl::Status TerminateLeftovers(Connection& session, absl::string_view migration_id) {
  return TerminateSessions(session, absl::StrCat("vecferry/", migration_id, "/"));
}

}  // namespace vecferry::postgres
