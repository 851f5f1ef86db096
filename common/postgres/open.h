#ifndef VECFERRY_COMMON_POSTGRES_OPEN_H_
#define VECFERRY_COMMON_POSTGRES_OPEN_H_

#include "absl/status/statusor.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {

// Connects, without the session's settings. The caller owns the handle. Every error is one line that says what failed,
// where, and what to do.
absl::StatusOr<pg_conn*> OpenSession(const ConnectionOptions& options);

// How long a server may say nothing before it is asked on a new connection: tcp_user_timeout of the conninfo, else 60
// s.
absl::Duration SilenceMax(const std::string& conninfo);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_OPEN_H_
