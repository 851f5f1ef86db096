#ifndef VECFERRY_CLI_POSTGRES_PROGRAMS_H_
#define VECFERRY_CLI_POSTGRES_PROGRAMS_H_

#include <string>

#include "absl/status/statusor.h"

namespace vecferry::cli {

// PostgreSQL's own programs (initdb, pg_ctl, postgres) of one installation on this machine.
struct PostgresPrograms {
  std::string folder;
  int major = 0;
};

// The installation that pg_config names, else the newest under /usr/lib/postgresql, else that of the PATH; only those
// count that pgvector is installed for. `major` 0 = any. Errors: kNotFound saying what to install.
absl::StatusOr<PostgresPrograms> FindPostgresPrograms(int major);

}  // namespace vecferry::cli

#endif  // VECFERRY_CLI_POSTGRES_PROGRAMS_H_
