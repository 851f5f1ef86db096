#include "common/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/open.h"
#include "common/postgres/sql_error.h"

namespace vecferry::postgres {
namespace {

constexpr int kServerVersionMin = 130000;

// One SELECT, so that a session is ready after one round trip.
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
  set("default_transaction_read_only", "off");
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
    absl::StrAppend(&sql, ", ('search_path', $1)");
  }
  return absl::StrCat(sql, ") AS setting(name, value)");
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
  Connection connection(raw);
  RETURN_IF_ERROR(CheckServerVersion(connection.server_version()));
  std::vector<Param> params;
  if (!options.search_path.empty()) params.emplace_back(options.search_path);
  RETURN_IF_ERROR(connection.Execute(SessionSettings(options, connection.server_version()), params).status());
  return connection;
}

absl::StatusOr<Result> Connection::Execute(const std::string& sql, absl::Span<const Param> params) {
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Param& param : params) {
    values.push_back(param.value ? param.value->data() : nullptr);
    lengths.push_back(param.value ? static_cast<int>(param.value->size()) : 0);
    formats.push_back(param.binary ? 1 : 0);
  }
  Result result(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(params.size()), nullptr, values.data(),
                             lengths.data(), formats.data(), /*resultFormat=*/0));
  RETURN_IF_ERROR(ToStatus(result.result_.get(), connection_.get()));
  return result;
}

absl::Status Connection::ExecuteScript(const std::string& sql) {
  const Result result(PQexec(connection_.get(), sql.c_str()));
  return ToStatus(result.result_.get(), connection_.get());
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

int Connection::backend_pid() const { return PQbackendPID(connection_.get()); }

Connection::Canceller Connection::canceller() const {
  Canceller canceller;
  canceller.handle_ = std::shared_ptr<void>(PQgetCancel(connection_.get()),
                                            [](void* handle) { PQfreeCancel(static_cast<PGcancel*>(handle)); });
  return canceller;
}

void Connection::Canceller::Cancel() const {
  if (handle_ == nullptr) return;
  char error[256];
  // Best effort: a statement that ended meanwhile is no error.
  PQcancel(static_cast<PGcancel*>(handle_.get()), error, sizeof error);
}

absl::Status CheckServerVersion(int version) {
  if (version >= kServerVersionMin) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the server is PostgreSQL ", version / 10000, ".", version % 10000, "; vecferry needs 13 or newer"));
}

}  // namespace vecferry::postgres
