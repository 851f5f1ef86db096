#ifndef VECFERRY_COMMON_POSTGRES_SQL_ERROR_H_
#define VECFERRY_COMMON_POSTGRES_SQL_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct pg_conn;
struct pg_result;

namespace vecferry::postgres {

// The status code that connection.h promises for a SQLSTATE.
absl::StatusCode CodeOf(absl::string_view sqlstate);

// The status of a result: OK when its statement succeeded, else with a SqlError. A lost connection is kUnavailable.
absl::Status ToStatus(const pg_result* result, const pg_conn* connection);

// N of a context "COPY table, line N, column c"; 0 = not told.
std::int64_t CopyLine(absl::string_view context);

// libpq's message as one line.
std::string OneLine(absl::string_view message);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_SQL_ERROR_H_
