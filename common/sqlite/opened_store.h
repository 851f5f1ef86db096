#ifndef VECFERRY_COMMON_SQLITE_OPENED_STORE_H_
#define VECFERRY_COMMON_SQLITE_OPENED_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"
#include "common/sqlite/scratch_file.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::sqlite {

// The ways to one state of a store.
enum class Way { kDirect, kHeldWal, kHeldJournal, kBackup, kRecovered };
// What suits the store as it is now. Errors as Database::Open.
absl::StatusOr<Way> ChooseWay(const std::string& path, SnapshotMode mode);

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

// One state of the store in a file of its own, whole, with nothing beside it.
struct CopiedStore {
  std::unique_ptr<ScratchFile> file;
  std::string fingerprint;
};
// kBackup: by the backup API. kRecovered: the file and its -wal or -journal are copied and recovered there, for a store
// that only a process that may write beside it could read; kUnavailable: it never stood still.
// Both: kCancelled once `stopping` says so; kResourceExhausted when there is no room.
absl::StatusOr<CopiedStore> CopyStore(Way way, const std::string& path, const std::string& scratch_dir,
                                      const std::function<bool()>& stopping);
// The same, opened by all connections; its name is gone.
absl::StatusOr<OpenedStore> OpenCopied(Way way, const std::string& path, int connections,
                                       const SnapshotOptions& options);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_OPENED_STORE_H_
