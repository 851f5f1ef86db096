#ifndef VECFERRY_COMMON_POSTGRES_OPEN_H_
#define VECFERRY_COMMON_POSTGRES_OPEN_H_

#include "absl/status/statusor.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {

// Connects, without the session's settings. The caller owns the handle. Every error is one line that says what failed,
// where, and what to do.
absl::StatusOr<pg_conn*> OpenSession(const ConnectionOptions& options);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_OPEN_H_
