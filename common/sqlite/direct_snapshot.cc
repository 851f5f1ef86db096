#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/sqlite/fingerprint.h"
#include "common/sqlite/opened_store.h"

namespace vecferry::sqlite {
namespace {

// One round takes about 0.1 ms a connection; a writer that leaves no such gap for so long gets a copy instead.
constexpr absl::Duration kPatience = absl::Seconds(10);

// One attempt: all connections begin between two looks at data_version. False: somebody committed meanwhile.
absl::StatusOr<bool> BeginTogether(Database& watch, const std::string& path, OpenedStore& store) {
  ASSIGN_OR_RETURN(const core::Value before, watch.QueryValue("PRAGMA data_version"));
  for (Database& connection : store.connections) RETURN_IF_ERROR(connection.BeginReading());
  ASSIGN_OR_RETURN(store.fingerprint, ReadFingerprint(store.connections.front(), path));
  ASSIGN_OR_RETURN(const core::Value after, watch.QueryValue("PRAGMA data_version"));
  if (before.integer == after.integer) return true;
  for (Database& connection : store.connections) connection.EndReading();
  return false;
}

}  // namespace

absl::StatusOr<OpenedStore> OpenDirect(const std::string& path, int connections) {
  // Opened first and outside any transaction, so that its data_version follows every commit of others.
  ASSIGN_OR_RETURN(Database watch, Database::Open(path, /*immutable=*/false));
  OpenedStore store;
  for (int i = 0; i < connections; ++i) {
    ASSIGN_OR_RETURN(Database connection, Database::Open(path, /*immutable=*/false));
    store.connections.push_back(std::move(connection));
  }
  const absl::Time deadline = absl::Now() + kPatience;
  do {
    ASSIGN_OR_RETURN(const bool together, BeginTogether(watch, path, store));
    if (together) return store;
  } while (absl::Now() < deadline);
  return absl::UnavailableError(
      absl::StrCat("others commit too fast for ", connections, " connections to see one state of the store"));
}

}  // namespace vecferry::sqlite
