#include "common/postgres/ledger_sql.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"

namespace vecferry::postgres {
namespace {

// A backend ends within milliseconds, but may first have to undo a large COPY or wait for its disk.
constexpr absl::Duration kTerminationMax = absl::Seconds(20);
constexpr absl::Duration kTerminationPoll = absl::Milliseconds(20);

constexpr char kSessionsOf[] =
    "FROM pg_catalog.pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND starts_with(application_name, $1)";

}  // namespace

absl::Status InTransaction(Connection& session, absl::FunctionRef<absl::Status()> body) {
  RETURN_IF_ERROR(session.ExecuteScript("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"));
  absl::Status status = body();
  if (status.ok()) return session.ExecuteScript("COMMIT");
  session.ExecuteScript("ROLLBACK").IgnoreError();  // the first error is the one to tell
  return status;
}

void RowsInsert::Add(std::vector<Param> row) {
  absl::StrAppend(&values_, values_.empty() ? "(" : ", (");
  for (std::size_t column = 0; column < row.size(); ++column) {
    bytes_ += row[column].value ? row[column].value->size() : 0;
    params_.push_back(std::move(row[column]));
    absl::StrAppend(&values_, column == 0 ? "$" : ", $", params_.size(), "::", casts_[column]);
  }
  values_ += ')';
}

absl::Status RowsInsert::Flush(Connection& session) {
  if (params_.empty()) return absl::OkStatus();
  const absl::Status status = session.Execute(absl::StrCat(head_, " ", values_), params_).status();
  values_.clear();
  params_.clear();
  bytes_ = 0;
  return status;
}

absl::Status TerminateSessions(Connection& session, const std::string& prefix) {
  const absl::Time deadline = absl::Now() + kTerminationMax;
  while (true) {
    auto terminated =
        session.Execute(absl::StrCat("SELECT pid, usename, pg_terminate_backend(pid) ", kSessionsOf), {Param(prefix)});
    if (absl::IsPermissionDenied(terminated.status())) {
      return absl::PermissionDeniedError(
          absl::StrCat("sessions named ", prefix,
                       "* of another role must end first: run as the role that started the migration, or "
                       "GRANT pg_signal_backend to this one"));
    }
    RETURN_IF_ERROR(terminated.status());
    if (terminated->rows() == 0) return absl::OkStatus();
    if (absl::Now() > deadline) {
      return absl::UnavailableError(absl::StrCat("session ", terminated->text(0, 0), " of role ",
                                                 terminated->text(0, 1), " does not end, ",
                                                 absl::FormatDuration(kTerminationMax), " after pg_terminate_backend"));
    }
    absl::SleepFor(kTerminationPoll);
  }
}

}  // namespace vecferry::postgres
