// The COPY half of Connection.
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/connection.h"
#include "common/postgres/sql_error.h"

namespace vecferry::postgres {
namespace {

// libpq copies what it cannot send at once; small cuts keep that copy small.
constexpr std::size_t kCutBytes = 64 << 10;
// A server that takes nothing for so long is lost. Longer than any pause seen under checkpoints on slow disks.
constexpr absl::Duration kStallMax = absl::Seconds(60);

// Takes every result: libpq keeps the connection busy until then. The first error wins; `rows` gets the tag's count.
absl::Status TakeResults(PGconn* connection, std::int64_t* rows) {
  absl::Status status;
  while (PGresult* result = PQgetResult(connection)) {
    status.Update(ToStatus(result, connection));
    std::int64_t count = 0;
    if (rows != nullptr && absl::SimpleAtoi(PQcmdTuples(result), &count)) *rows = count;
    const bool still_copying = PQresultStatus(result) == PGRES_COPY_IN;
    PQclear(result);
    if (still_copying && PQputCopyEnd(connection, "abandoned by the client") != 1) break;
  }
  PQsetnonblocking(connection, 0);
  if (status.ok() && PQstatus(connection) != CONNECTION_OK) {
    status = absl::UnavailableError(absl::StrCat("connection lost: ", OneLine(PQerrorMessage(connection))));
  }
  return status;
}

// Sends what libpq holds.
absl::Status Flush(PGconn* connection) {
  while (true) {
    const int flushed = PQflush(connection);
    if (flushed == 0) return absl::OkStatus();
    if (flushed < 0) break;
    pollfd ready{PQsocket(connection), POLLIN | POLLOUT, 0};
    const int polled = poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(kStallMax)));
    if (polled == 0) {
      return absl::UnavailableError(absl::StrCat("Postgres took no data for ", absl::FormatDuration(kStallMax)));
    }
    // Reading lets the server go on when it has something to say first.
    if (polled > 0 && (ready.revents & POLLIN) != 0 && PQconsumeInput(connection) == 0) break;
  }
  return absl::UnavailableError(absl::StrCat("connection lost: ", OneLine(PQerrorMessage(connection))));
}

}  // namespace

absl::Status Connection::StartCopy(const std::string& sql) {
  const Result result(PQexec(connection_.get(), sql.c_str()));
  RETURN_IF_ERROR(ToStatus(result.result_.get(), connection_.get()));
  if (PQresultStatus(result.result_.get()) != PGRES_COPY_IN) {
    return absl::InternalError(absl::StrCat("not a COPY FROM STDIN: ", sql));
  }
  PQsetnonblocking(connection_.get(), 1);
  return absl::OkStatus();
}

absl::Status Connection::PutCopyData(absl::string_view bytes) {
  while (!bytes.empty()) {
    const absl::string_view cut = bytes.substr(0, kCutBytes);
    if (PQputCopyData(connection_.get(), cut.data(), static_cast<int>(cut.size())) != 1) {
      // The server ended the COPY: its error is among the results.
      const absl::Status status = TakeResults(connection_.get(), nullptr);
      return status.ok() ? absl::InternalError("no COPY in progress") : status;
    }
    RETURN_IF_ERROR(Flush(connection_.get()));
    bytes.remove_prefix(cut.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::int64_t> Connection::EndCopy() {
  const int ended = PQputCopyEnd(connection_.get(), nullptr);
  std::int64_t rows = 0;
  absl::Status status = ended == 1 ? Flush(connection_.get()) : absl::OkStatus();
  if (status.ok()) status = TakeResults(connection_.get(), &rows);
  if (status.ok() && ended != 1) status = absl::InternalError("no COPY in progress");
  RETURN_IF_ERROR(status);
  return rows;
}

void Connection::AbandonCopy() {
  PQputCopyEnd(connection_.get(), "abandoned by the client");
  TakeResults(connection_.get(), nullptr).IgnoreError();
}

}  // namespace vecferry::postgres
