#include "common/postgres/open.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/postgres/conninfo.h"
#include "common/postgres/sql_error.h"

namespace vecferry::postgres {
namespace {

struct FinishSession {
  void operator()(PGconn* session) const { PQfinish(session); }
};
using Session = std::unique_ptr<PGconn, FinishSession>;
using Keywords = std::map<std::string, std::string>;

constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr absl::Duration kSilenceMax = absl::Seconds(60);

// What libpq is asked for: the user's options, over our defaults, under what we rely on.
absl::StatusOr<Keywords> MakeKeywords(const ConnectionOptions& options) {
  ASSIGN_OR_RETURN(const auto given, ParseConninfo(options.conninfo));
  Keywords keywords = {
      {"keepalives", "1"},
      {"keepalives_idle", "30"},
      {"keepalives_interval", "10"},
      {"keepalives_count", "3"},  // a peer that vanished is noticed within a minute
      {"tcp_user_timeout", absl::StrCat(absl::ToInt64Milliseconds(kSilenceMax))}};  // with data on the way
  for (const auto& [keyword, value] : given) keywords[keyword] = value;
  keywords["client_encoding"] = "UTF8";
  keywords["application_name"] = options.application_name;
  return keywords;
}

// libpq leaves the time limit of an asynchronous connect to its caller.
absl::Duration ConnectTimeout(const ConnectionOptions& options, const Keywords& keywords) {
  const auto given = keywords.find("connect_timeout");
  std::int64_t seconds = 0;
  if (given == keywords.end() || !absl::SimpleAtoi(given->second, &seconds) || seconds <= 0) {
    return options.connect_timeout;
  }
  return absl::Seconds(seconds);
}

Session StartConnect(const Keywords& keywords) {
  std::vector<const char*> names, values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return Session(PQconnectStartParams(names.data(), values.data(), /*expand_dbname=*/0));
}

// kDeadlineExceeded after `timeout`; kCancelled. Otherwise the session tells how it went.
absl::Status FinishConnect(PGconn* session, absl::Duration timeout, const std::function<bool()>& stopping) {
  const absl::Time deadline = absl::Now() + timeout;
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    if (stopping()) return absl::CancelledError("stopped while connecting");
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("");
    pollfd ready{PQsocket(session), static_cast<short>(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    if (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(std::min(left, kLook)))) == 0) continue;
    wanted = PQconnectPoll(session);
  }
  return absl::OkStatus();
}

std::string Text(const char* text) { return text == nullptr ? "" : text; }

// Host, port, database and user as libpq resolved them, never the password.
std::string Where(const PGconn* session) {
  const std::string host = Text(PQhost(session)), port = Text(PQport(session));
  const std::string server = absl::StartsWith(host, "/") ? absl::StrCat("socket ", host, "/.s.PGSQL.", port)
                                                         : absl::StrCat("host ", host, " port ", port);
  return absl::StrCat("at ", server, ", database \"", Text(PQdb(session)), "\", user \"", Text(PQuser(session)), "\"");
}

// The SQLSTATE of a verbose message "FATAL:  28P01: ..."; "" when the server said nothing.
std::string SqlStateOf(absl::string_view message) {
  for (std::size_t at = message.find(":  "); at != absl::string_view::npos; at = message.find(":  ", at + 1)) {
    const absl::string_view code = message.substr(at + 3, 5);
    if (message.substr(at + 8, 2) == ": " && std::all_of(code.begin(), code.end(), [](char c) {
          return absl::ascii_isdigit(c) || absl::ascii_isupper(c);
        })) {
      return std::string(code);
    }
  }
  return "";
}

// What the server or libpq said, as one line without the verbose form's location.
std::string Said(const PGconn* session, absl::string_view sqlstate, const std::string& password) {
  std::string message = OneLine(PQerrorMessage(session));
  message = message.substr(0, message.find("; LOCATION:"));
  if (!sqlstate.empty()) message = message.substr(message.find(absl::StrCat(sqlstate, ": ")) + 7);
  // libpq does not print passwords; a server or an authentication plug-in might.
  if (password.size() > 2) message = absl::StrReplaceAll(message, {{password, "***"}});
  return message;
}

absl::Status Refusal(const PGconn* session, const std::string& password) {
  const std::string where = Where(session);
  const std::string sqlstate = SqlStateOf(PQerrorMessage(session));
  const std::string said = Said(session, sqlstate, password);
  if (PQconnectionNeedsPassword(session) == 1) {
    return absl::PermissionDeniedError(
        absl::StrCat("Postgres asks for a password ", where, ": give it by PGPASSWORD, PGPASSFILE or the URL"));
  }
  if (sqlstate == "28P01") {
    return absl::PermissionDeniedError(
        absl::StrCat("wrong password or unknown user ", where, ": check PGPASSWORD, PGPASSFILE or the URL"));
  }
  if (sqlstate == "3D000") {
    return absl::NotFoundError(absl::StrCat("no such database ", where, ": make it (createdb) or name another"));
  }
  if (sqlstate == "53300") {
    return absl::ResourceExhaustedError(
        absl::StrCat("Postgres has no free connection ", where, ": ", said,
                     ": raise that limit (max_connections, or CONNECTION LIMIT of the role or database) or end other "
                     "sessions"));
  }
  if (absl::StrContains(said, "unsupported startup parameter")) {
    return absl::FailedPreconditionError(
        absl::StrCat("a pooler refuses the connection ", where, ": ", said,
                     ": leave that out of the URL and the environment (PGOPTIONS), or connect to Postgres directly"));
  }
  if (!sqlstate.empty()) {
    return absl::Status(CodeOf(sqlstate), absl::StrCat("Postgres refuses the connection ", where, ": ", said));
  }
  if (absl::StrContains(said, "could not translate host name")) {
    return absl::UnavailableError(
        absl::StrCat("no such host: cannot reach Postgres ", where, ": check the host's name"));
  }
  return absl::UnavailableError(
      absl::StrCat("cannot reach Postgres ", where, ": ", said, " (is it running, and are host and port right?)"));
}

}  // namespace

absl::StatusOr<PGconn*> OpenSession(const ConnectionOptions& options) {
  ASSIGN_OR_RETURN(const Keywords keywords, MakeKeywords(options));
  const absl::Duration timeout = ConnectTimeout(options, keywords);
  const auto password = keywords.find("password");
  Session session = StartConnect(keywords);
  if (session == nullptr) return absl::ResourceExhaustedError("out of memory for a Postgres connection");
  // Verbose messages carry the SQLSTATE, which libpq tells in no other way for a failed connection.
  PQsetErrorVerbosity(session.get(), PQERRORS_VERBOSE);
  PQsetNoticeProcessor(
      session.get(), [](void*, const char*) {}, nullptr);
  const absl::Status finished = PQstatus(session.get()) == CONNECTION_BAD
                                    ? absl::OkStatus()
                                    : FinishConnect(session.get(), timeout, options.stopping);
  if (absl::IsDeadlineExceeded(finished)) {
    return absl::UnavailableError(absl::StrCat("Postgres did not answer within ", absl::FormatDuration(timeout), " ",
                                               Where(session.get()), ": check host, port and network"));
  }
  RETURN_IF_ERROR(finished);
  if (PQstatus(session.get()) != CONNECTION_OK) {
    return Refusal(session.get(), password == keywords.end() ? "" : password->second);
  }
  PQsetErrorVerbosity(session.get(), PQERRORS_DEFAULT);
  return session.release();
}

absl::Duration SilenceMax(const std::string& conninfo) {
  const auto given = ParseConninfo(conninfo);
  if (!given.ok()) return kSilenceMax;
  for (const auto& [keyword, value] : *given) {
    std::int64_t milliseconds = 0;
    if (keyword == "tcp_user_timeout" && absl::SimpleAtoi(value, &milliseconds) && milliseconds > 0) {
      return absl::Milliseconds(milliseconds);
    }
  }
  return kSilenceMax;
}

}  // namespace vecferry::postgres
