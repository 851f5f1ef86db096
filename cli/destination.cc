#include "cli/destination.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "cli/local_postgres.h"
#include "common/base/status_macros.h"
#include "common/postgres/connection.h"
#include "common/postgres/conninfo.h"

namespace vecferry::cli {
namespace {

bool IsSet(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

absl::StatusOr<Destination> Named(const std::string& conninfo, const std::string& reason) {
  if (const absl::Status status = postgres::ParseConninfo(conninfo).status(); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(reason, ": ", status.message()));
  }
  return Destination{false, conninfo, postgres::MaskConninfo(conninfo), reason};
}

}  // namespace

absl::StatusOr<Destination> ChooseDestination(const std::string& flag) {
  if (!flag.empty()) {
    ASSIGN_OR_RETURN(Destination destination, Named(flag, "--postgres-url"));
    destination.by = DestinationBy::kFlag;
    return destination;
  }
  if (IsSet("VECFERRY_POSTGRES_URL")) return Named(std::getenv("VECFERRY_POSTGRES_URL"), "VECFERRY_POSTGRES_URL");
  for (const char* variable : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"}) {
    if (IsSet(variable)) return Destination{false, "", postgres::MaskConninfo(""), absl::StrCat("from ", variable)};
  }
  ASSIGN_OR_RETURN(const LocalPostgres local, LocalPostgres::Locate());
  return Destination{true, local.url(), local.url(), "the private local server: nothing names another"};
}

std::string DestinationLine(const Destination& destination) {
  return absl::StrCat("destination: ", destination.masked, " (", destination.reason, ")\n");
}

}  // namespace vecferry::cli
