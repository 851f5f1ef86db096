#include "common/postgres/sql_error.h"

#include <libpq-fe.h>

#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {
namespace {

constexpr char kPayloadUrl[] = "vecferry/sql_error";

std::string Field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? "" : text;
}

// A shared memory segment that does not fit has the same SQLSTATE, and this in its name in every language.
bool IsDiskFull(const SqlError& error) {
  return error.sqlstate == "53100" && !absl::StrContains(error.message, "/PostgreSQL.");
}

// Postgres' texts hold no NUL, so NUL separates them.
absl::Cord ToPayload(const SqlError& error) {
  const std::vector<std::string> fields = {error.sqlstate,   error.message, error.detail, error.context,
                                           error.constraint, error.table,   error.column};
  return absl::Cord(absl::StrJoin(fields, absl::string_view("\0", 1)));
}

}  // namespace

absl::StatusCode CodeOf(absl::string_view sqlstate) {
  const absl::string_view sqlclass = sqlstate.substr(0, 2);
  if (sqlclass == "08" || sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P03") {
    return absl::StatusCode::kUnavailable;
  }
  if (sqlstate == "25P03" || sqlstate == "55P03") return absl::StatusCode::kUnavailable;  // our own timeouts
  if (sqlclass == "40") return absl::StatusCode::kAborted;
  if (sqlstate == "57014") return absl::StatusCode::kCancelled;
  if (sqlclass == "53") return absl::StatusCode::kResourceExhausted;
  if (sqlclass == "23") return absl::StatusCode::kAlreadyExists;
  if (sqlclass == "28" || sqlstate == "42501") return absl::StatusCode::kPermissionDenied;
  if (sqlclass == "22" || sqlclass == "44" || sqlstate == "21000" || sqlstate == "54000" || sqlstate == "54001" ||
      sqlstate == "P0001") {
    return absl::StatusCode::kInvalidArgument;
  }
  if (sqlstate == "3D000") return absl::StatusCode::kNotFound;
  return absl::StatusCode::kInternal;
}

std::int64_t CopyLine(absl::string_view context) {
  for (absl::string_view line : absl::StrSplit(context, '\n')) {
    if (!absl::ConsumePrefix(&line, "COPY ")) continue;
    const std::size_t at = line.rfind(", line ");
    if (at == absl::string_view::npos) continue;
    const absl::string_view rest = line.substr(at + 7);
    std::int64_t number = 0;
    if (absl::SimpleAtoi(rest.substr(0, rest.find_first_not_of("0123456789")), &number)) return number;
  }
  return 0;
}

std::string OneLine(absl::string_view message) {
  std::vector<absl::string_view> lines;
  for (absl::string_view line : absl::StrSplit(message, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty()) lines.push_back(line);
  }
  return absl::StrJoin(lines, "; ");
}

absl::Status ToStatus(const PGresult* result, const PGconn* connection) {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT: return absl::OkStatus();
    default: break;
  }
  SqlError error;
  error.sqlstate = Field(result, PG_DIAG_SQLSTATE);
  if (error.sqlstate.empty()) {
    // Not from the server: libpq's own. It may not yet count a connection as lost to which it could not write.
    return absl::UnavailableError(absl::StrCat("connection lost: ", OneLine(PQerrorMessage(connection))));
  }
  error.message = Field(result, PG_DIAG_MESSAGE_PRIMARY);
  error.detail = Field(result, PG_DIAG_MESSAGE_DETAIL);
  error.context = Field(result, PG_DIAG_CONTEXT);
  error.constraint = Field(result, PG_DIAG_CONSTRAINT_NAME);
  error.table = Field(result, PG_DIAG_TABLE_NAME);
  error.column = Field(result, PG_DIAG_COLUMN_NAME);
  // The detail stays in the payload: it may quote whole rows.
  absl::Status status(CodeOf(error.sqlstate),
                      absl::StrCat(IsDiskFull(error) ? "the disk is full at the destination: " : "",
                                   OneLine(error.message), " (", error.sqlstate, ")"));
  status.SetPayload(kPayloadUrl, ToPayload(error));
  return status;
}

std::optional<SqlError> GetSqlError(const absl::Status& status) {
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload) return std::nullopt;
  const std::vector<std::string> fields = absl::StrSplit(std::string(*payload), '\0');
  if (fields.size() != 7) return std::nullopt;
  SqlError error{fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]};
  error.copy_line = CopyLine(error.context);
  return error;
}

}  // namespace vecferry::postgres
