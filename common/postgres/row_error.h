#ifndef VECFERRY_COMMON_POSTGRES_ROW_ERROR_H_
#define VECFERRY_COMMON_POSTGRES_ROW_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace vecferry::postgres {

// Whether Postgres refused a row, so that the row becomes an issue and the others go on (protocol section 4). False for
// our own bugs (a malformed COPY) and for everything that is about the session, the server or the table.
bool IsRowError(const absl::Status& status);

// The kind for a SQLSTATE, such as "null_value".
absl::string_view KindOf(absl::string_view sqlstate);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_ROW_ERROR_H_
