#include "coordinator/hold.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "coordinator/host_identity.h"

namespace vecferry::coordinator {

absl::StatusOr<postgres::Connection> OpenWritingSession(const std::string& conninfo, const std::string& name,
                                                        const std::function<bool()>& stopping) {
  postgres::ConnectionOptions options;
  options.conninfo = conninfo;
  options.application_name = name;
  options.own_session = true;
  options.stopping = stopping;
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open(options));
  ASSIGN_OR_RETURN(const postgres::Result standby, session.Execute("SELECT pg_catalog.pg_is_in_recovery()"));
  if (!standby.truth(0, 0)) return session;
  // May pass: after a failover it becomes the primary, or its name leads there.
  return absl::UnavailableError(
      "the destination is a standby (in recovery), which takes no writes: name the primary (libpq tries several hosts "
      "by host=A,B target_session_attrs=primary)");
}

absl::StatusOr<postgres::Connection> OpenCoordinatorSession(const std::string& conninfo,
                                                            const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(postgres::Connection session, OpenWritingSession(conninfo, "vecferry/coordinator", stopping));
  // Epochs and states wait for the disk, whatever the server's own setting: a crash must not take them back.
  RETURN_IF_ERROR(session
                      .Execute("SELECT set_config('synchronous_commit', 'on', false) WHERE "
                               "current_setting('synchronous_commit') = 'off'")
                      .status());
  return session;
}

absl::StatusOr<Hold> TakeHold(const std::string& conninfo, const std::string& migration_id, postgres::Connection ledger,
                              absl::Duration patience) {
  ASSIGN_OR_RETURN(postgres::Connection lock, OpenCoordinatorSession(conninfo));
  ASSIGN_OR_RETURN(const std::uint64_t epoch, postgres::TakeCoordination(lock, migration_id, ThisProcess(), patience));
  // A commit that hangs holds its shard's row. Renewing that lease must not keep the heartbeat waiting.
  RETURN_IF_ERROR(ledger.ExecuteScript("SET lock_timeout TO '5s'"));
  return Hold{std::move(lock), std::move(ledger), epoch};
}

absl::StatusOr<Hold> RetakeHold(const std::string& conninfo, const std::string& migration_id,
                                std::uint64_t former_epoch, absl::Duration patience) {
  const absl::Status lost = absl::AbortedError(
      absl::StrCat("migration ", migration_id,
                   " was taken over or cancelled by another process while the destination could not be reached from "
                   "here: look at it by: vecferry migrate status ",
                   migration_id));
  ASSIGN_OR_RETURN(postgres::Connection ledger, OpenCoordinatorSession(conninfo));
  // Looked at before the epoch rises: whoever has the migration now keeps it.
  ASSIGN_OR_RETURN(const postgres::MigrationRow row, postgres::GetMigration(ledger, migration_id));
  if (row.coordinator_epoch != former_epoch) return lost;
  ASSIGN_OR_RETURN(Hold hold, TakeHold(conninfo, migration_id, std::move(ledger), patience));
  if (hold.epoch != former_epoch + 1) return lost;
  return hold;
}

}  // namespace vecferry::coordinator
