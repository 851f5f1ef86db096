#ifndef VECFERRY_COMMON_SQLITE_OPENED_STORE_H_
#define VECFERRY_COMMON_SQLITE_OPENED_STORE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::sqlite {

// The ways to one state of a store that snapshot.cc chooses among.
struct OpenedStore {
  std::vector<Database> connections;
  std::string fingerprint;
  bool is_copy = false;
};

// Direct: connections on the store itself, each inside a read transaction that it keeps.
// kUnavailable: locked, or others commit faster than the connections open.
absl::StatusOr<OpenedStore> OpenDirect(const std::string& path, int connections);

// Connections to one copy, by the backup API, of what `source` sees within its transaction; the copy's name is gone.
// kCancelled once `stopping` says so.
absl::StatusOr<std::vector<Database>> OpenCopyOf(Database& source, int connections, const std::string& scratch_dir,
                                                 const std::function<bool()>& stopping);

// One copy by the backup API, opened by all. kCancelled once options.stopping says so.
absl::StatusOr<OpenedStore> OpenBackup(const std::string& path, int connections, const SnapshotOptions& options);

// One copy of the file and its -wal or -journal, recovered there, opened by all: for a store that only a process that
// may write beside it could read. kUnavailable: it never stood still; kCancelled as OpenBackup.
absl::StatusOr<OpenedStore> OpenRecovered(const std::string& path, int connections, const SnapshotOptions& options);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_OPENED_STORE_H_
