#include "common/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/postgres/open.h"
#include "common/postgres/sql_error.h"

namespace vecferry::postgres {
namespace {

constexpr int kServerVersionMin = 130000;
// A request to cancel takes one connection and one round trip; beyond this time the network is in the way.
constexpr absl::Duration kCancelMax = absl::Seconds(2);
constexpr int kSettingAttemptsMax = 5;

// One SELECT, so that a session is ready after one round trip. It sets nothing unless $1, or the session is the one
// that greeted us, number $2: a pooler's is not, and may be somebody else's in a moment.
std::string SessionSettings(const ConnectionOptions& options, int server_version) {
  std::string sql = "SELECT pg_catalog.set_config(name, value, false) FROM (VALUES ";
  const auto set = [&sql](absl::string_view name, absl::string_view value) {
    const bool first = sql.back() == ' ';
    absl::StrAppend(&sql, first ? "" : ", ", "('", name, "', ", "'", value, "')");
  };
  set("DateStyle", "ISO, MDY");
  set("TimeZone", "UTC");
  set("IntervalStyle", "postgres");
  set("bytea_output", "hex");
  set("standard_conforming_strings", "on");
  set("extra_float_digits", "1");
  set("quote_all_identifiers", "off");
  set("default_transaction_read_only", "off");
  set("default_transaction_isolation", "read committed");
  set("default_transaction_deferrable", "off");
  set("statement_timeout", "0");
  set("lock_timeout", "0");
  set("idle_in_transaction_session_timeout",
      absl::StrCat(absl::ToInt64Milliseconds(options.idle_in_transaction_timeout)));
  if (server_version >= 140000) {
    set("idle_session_timeout", "0");
    // A killed client's statement ends within this time instead of running on: before the same command, run again at
    // once, has lost patience with the locks that it holds (5 s).
    set("client_connection_check_interval", "2s");
  }
  if (server_version >= 170000) set("transaction_timeout", "0");
  if (!options.search_path.empty()) {
    absl::StrAppend(&sql, ", ('search_path', $3)");
  }
  return absl::StrCat(sql, ") AS setting(name, value) WHERE $1 OR pg_catalog.pg_backend_pid() = $2");
}

}  // namespace

Param Param::Bytea(std::string bytes) {
  Param param{std::move(bytes)};
  param.binary = true;
  return param;
}

Param Param::OptionalBytea(const std::optional<std::string>& bytes) {
  return bytes ? Bytea(*bytes) : Param(std::nullopt);
}

void Result::Clear::operator()(PGresult* result) const { PQclear(result); }

int Result::rows() const { return PQntuples(result_.get()); }

bool Result::is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) == 1; }

absl::string_view Result::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Result::integer(int row, int column) const {
  std::int64_t number = 0;
  return absl::SimpleAtoi(text(row, column), &number) ? number : 0;
}

std::string Result::bytea(int row, int column) const {
  std::size_t size = 0;
  unsigned char* bytes =
      PQunescapeBytea(reinterpret_cast<const unsigned char*>(PQgetvalue(result_.get(), row, column)), &size);
  std::string copy(reinterpret_cast<const char*>(bytes), bytes == nullptr ? 0 : size);
  PQfreemem(bytes);
  return copy;
}

std::optional<std::string> Result::optional_bytea(int row, int column) const {
  if (is_null(row, column)) return std::nullopt;
  return bytea(row, column);
}

std::int64_t Result::affected() const {
  std::int64_t count = 0;
  return absl::SimpleAtoi(PQcmdTuples(result_.get()), &count) ? count : 0;
}

void Connection::Finish::operator()(PGconn* connection) const { PQfinish(connection); }

absl::StatusOr<Connection> Connection::Open(const ConnectionOptions& options) {
  ASSIGN_OR_RETURN(PGconn * raw, OpenSession(options));
  Connection connection(raw, {options.conninfo, PQbackendPID(raw), SilenceMax(options.conninfo)});
  // Sending never waits by itself: AwaitSent does.
  PQsetnonblocking(raw, 1);
  RETURN_IF_ERROR(CheckServerVersion(connection.server_version()));
  RETURN_IF_ERROR(connection.ApplySettings(options));
  return connection;
}

absl::Status Connection::ApplySettings(const ConnectionOptions& options) {
  const std::string sql = SessionSettings(options, server_version());
  std::vector<Param> params = {false, std::int64_t{backend_pid()}};
  if (!options.search_path.empty()) params.emplace_back(options.search_path);
  // The role's own statement_timeout still holds, and a new session is slow once, while it fills its caches.
  absl::StatusOr<Result> set = Execute(sql, params);
  for (int i = 1; absl::IsCancelled(set.status()) && i < kSettingAttemptsMax; ++i) set = Execute(sql, params);
  RETURN_IF_ERROR(set.status());
  if (set->rows() > 0) return absl::OkStatus();
  if (options.own_session) RETURN_IF_ERROR(CheckOwnSession(options));
  ASSIGN_OR_RETURN(const Result pid, Execute("SELECT pg_catalog.pg_backend_pid()"));
  lifeline_.backend_pid = static_cast<int>(pid.integer(0, 0));
  params.front() = true;
  return Execute(sql, params).status();
}

// A pooler hands a session that is free to whoever comes next, in some order. When it is lent by the transaction,
// either the next statement has another one, or a second connection's transaction has the one that was ours.
absl::Status Connection::CheckOwnSession(const ConnectionOptions& options) {
  constexpr char kPid[] = "SELECT pg_catalog.pg_backend_pid()";
  ASSIGN_OR_RETURN(const Result first, Execute(kPid));
  ASSIGN_OR_RETURN(const Result second, Execute(kPid));
  ASSIGN_OR_RETURN(PGconn * raw, OpenSession(options));
  Connection other(raw, lifeline_);
  const absl::Status begun = other.ExecuteScript("BEGIN");
  if (absl::StrContains(begun.message(), "statement pooling")) return LentSessionError();
  RETURN_IF_ERROR(begun);
  ASSIGN_OR_RETURN(const Result others, other.Execute(kPid));
  const bool own = first.integer(0, 0) == second.integer(0, 0) && first.integer(0, 0) != others.integer(0, 0);
  return own ? absl::OkStatus() : LentSessionError();
}

absl::StatusOr<Result> Connection::Execute(const std::string& sql, absl::Span<const Param> params) {
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Param& param : params) {
    values.push_back(param.value ? param.value->data() : nullptr);
    lengths.push_back(param.value ? static_cast<int>(param.value->size()) : 0);
    formats.push_back(param.binary ? 1 : 0);
  }
  return TakeResult(PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(params.size()), nullptr,
                                      values.data(), lengths.data(), formats.data(), /*resultFormat=*/0));
}

absl::Status Connection::ExecuteScript(const std::string& sql) {
  return TakeResult(PQsendQuery(connection_.get(), sql.c_str())).status();
}

absl::StatusOr<Result> Connection::TakeResult(int sent) {
  if (sent != 1) return ToStatus(nullptr, connection_.get());
  Result result(nullptr);
  absl::Status status;  // the first error: why a session ended is told before its end
  for (bool more = true; more;) {
    const absl::Status awaited = AwaitResult(connection_.get(), lifeline_);
    status.Update(awaited);
    PGresult* const next = awaited.ok() ? PQgetResult(connection_.get()) : nullptr;
    if (next == nullptr) break;
    result = Result(next);
    status.Update(ToStatus(next, connection_.get()));
    const bool copying = PQresultStatus(next) == PGRES_COPY_IN || PQresultStatus(next) == PGRES_COPY_OUT;
    more = !copying && alive();
  }
  RETURN_IF_ERROR(status);
  return result;
}

bool Connection::in_transaction() const {
  const PGTransactionStatusType status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool Connection::alive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

bool Connection::CheckAlive() {
  // The end is told by a message and a closed socket, which libpq takes only when asked to read.
  while (alive()) {
    pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
    if (poll(&readable, 1, /*timeout=*/0) <= 0) return true;
    if (PQconsumeInput(connection_.get()) == 0) return false;
  }
  return false;
}

int Connection::server_version() const { return PQserverVersion(connection_.get()); }

std::string Connection::database() const { return PQdb(connection_.get()); }

struct Connection::Canceller::Handle {
  explicit Handle(PGcancel* made) : cancel(made) {}
  ~Handle() { PQfreeCancel(cancel); }
  PGcancel* const cancel;
  base::Mutex mutex;
  bool at_work ABSL_GUARDED_BY(mutex) = false;
};

Connection::Canceller Connection::canceller() const {
  Canceller canceller;
  canceller.handle_ = std::make_shared<Canceller::Handle>(PQgetCancel(connection_.get()));
  return canceller;
}

void Connection::Canceller::Cancel() const {
  if (handle_ == nullptr) return;
  {
    base::MutexLock lock(&handle_->mutex);
    if (std::exchange(handle_->at_work, true)) return;
  }
  // PQcancel waits for the server for as long as the network makes it, which may be for ever: nobody waits for it here.
  std::thread([handle = handle_] {
    char error[256];
    // Best effort: a statement that ended meanwhile is no error.
    PQcancel(handle->cancel, error, sizeof error);
    base::MutexLock lock(&handle->mutex);
    handle->at_work = false;
  }).detach();
  base::MutexLock lock(&handle_->mutex);
  handle_->mutex.AwaitUntil(absl::Now() + kCancelMax,
                            [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(handle_->mutex) { return !handle_->at_work; });
}

absl::Status LentSessionError() {
  return absl::FailedPreconditionError(
      "this connection goes through a transaction pooler, which lends a session for one transaction only, and vecferry "
      "keeps locks and settings in its sessions: connect to Postgres directly, or have the pooler use session mode "
      "(pool_mode = session)");
}

absl::Status CheckServerVersion(int version) {
  if (version >= kServerVersionMin) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the server is PostgreSQL ", version / 10000, ".", version % 10000, "; vecferry needs 13 or newer"));
}

}  // namespace vecferry::postgres
