// The COPY half of Connection.
#include <libpq-fe.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/postgres/connection.h"
#include "common/postgres/sql_error.h"

namespace vecferry::postgres {
namespace {

// libpq copies what it cannot send at once; small cuts keep that copy small.
constexpr std::size_t kCutBytes = 64 << 10;

}  // namespace

void Connection::FreeMemory::operator()(char* bytes) const { PQfreemem(bytes); }

absl::Status Connection::Start(const std::string& sql, int copy_status) {
  ASSIGN_OR_RETURN(const Result result, TakeResult(PQsendQuery(connection_.get(), sql.c_str())));
  if (static_cast<int>(PQresultStatus(result.result_.get())) == copy_status) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("not the COPY that was meant: ", sql));
}

absl::Status Connection::StartCopy(const std::string& sql) { return Start(sql, PGRES_COPY_IN); }

absl::Status Connection::StartCopyOut(const std::string& sql) { return Start(sql, PGRES_COPY_OUT); }

absl::StatusOr<std::optional<absl::string_view>> Connection::TakeCopyData() {
  for (bool pending = true;;) {
    char* bytes = nullptr;
    const int size = PQgetCopyData(connection_.get(), &bytes, /*async=*/1);
    copied_.reset(bytes);
    if (size > 0) return absl::string_view(bytes, static_cast<std::size_t>(size));
    if (size < 0) break;  // the end, or what ended it early
    if (!pending) RETURN_IF_ERROR(AwaitInput(connection_.get(), lifeline_));
    RETURN_IF_ERROR(TakePending(connection_.get()));
    pending = false;
  }
  RETURN_IF_ERROR(TakeCopyResults(nullptr));
  return std::optional<absl::string_view>();
}

absl::Status Connection::PutCopyData(absl::string_view bytes) {
  while (!bytes.empty()) {
    const absl::string_view cut = bytes.substr(0, kCutBytes);
    if (PQputCopyData(connection_.get(), cut.data(), static_cast<int>(cut.size())) != 1) {
      // The server ended the COPY: its error is among the results.
      const absl::Status status = TakeCopyResults(nullptr);
      return status.ok() ? absl::InternalError("no COPY in progress") : status;
    }
    RETURN_IF_ERROR(AwaitSent(connection_.get(), lifeline_));
    bytes.remove_prefix(cut.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::int64_t> Connection::EndCopy() {
  const int ended = PQputCopyEnd(connection_.get(), nullptr);
  std::int64_t rows = 0;
  absl::Status status = ended == 1 ? AwaitSent(connection_.get(), lifeline_) : absl::OkStatus();
  if (status.ok()) status = TakeCopyResults(&rows);
  if (status.ok() && ended != 1) status = absl::InternalError("no COPY in progress");
  RETURN_IF_ERROR(status);
  return rows;
}

void Connection::AbandonCopy() {
  PQputCopyEnd(connection_.get(), "abandoned by the client");
  TakeCopyResults(nullptr).IgnoreError();
}

// libpq keeps the connection busy until every result has been taken.
absl::Status Connection::TakeCopyResults(std::int64_t* rows) {
  absl::Status status;
  while (true) {
    RETURN_IF_ERROR(AwaitResult(connection_.get(), lifeline_));
    const Result result(PQgetResult(connection_.get()));
    if (result.result_ == nullptr) break;
    status.Update(ToStatus(result.result_.get(), connection_.get()));
    std::int64_t count = 0;
    if (rows != nullptr && absl::SimpleAtoi(PQcmdTuples(result.result_.get()), &count)) *rows = count;
    const bool still_copying = PQresultStatus(result.result_.get()) == PGRES_COPY_IN;
    if (still_copying && PQputCopyEnd(connection_.get(), "abandoned by the client") != 1) break;
  }
  if (status.ok() && !alive()) {
    status = absl::UnavailableError(absl::StrCat("connection lost: ", OneLine(PQerrorMessage(connection_.get()))));
  }
  return status;
}

}  // namespace vecferry::postgres
