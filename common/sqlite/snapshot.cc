#include "common/sqlite/snapshot.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/opened_store.h"
#include "common/sqlite/structure.h"

namespace vecferry::sqlite {
namespace {

class StoreSnapshot : public Snapshot {
 public:
  explicit StoreSnapshot(OpenedStore store) : store_(std::move(store)) {}
  Database& connection(int index) override { return store_.connections.at(static_cast<std::size_t>(index)); }
  int connections() const override { return static_cast<int>(store_.connections.size()); }
  const std::string& fingerprint() const override { return store_.fingerprint; }
  bool is_copy() const override { return store_.is_copy; }

 private:
  OpenedStore store_;
};

enum class Way { kDirect, kBackup, kRecovered };

absl::StatusOr<Way> ChooseWay(const std::string& path, SnapshotMode mode) {
  const absl::StatusOr<Database> probe = Database::Open(path, /*immutable=*/false);
  if (probe.status().code() == absl::StatusCode::kFailedPrecondition) return Way::kRecovered;
  RETURN_IF_ERROR(probe.status());
  ASSIGN_OR_RETURN(const FileHeader header, ReadFileHeader(const_cast<Database&>(*probe).raw()));
  // Without the right to write the shared index a reader cannot hold its place in the log.
  if (header.IsWal() && access(absl::StrCat(path, "-shm").c_str(), W_OK) != 0) return Way::kRecovered;
  if (mode == SnapshotMode::kCopy) return Way::kBackup;
  // A reader of a rollback-journal store keeps its writer from committing, so it may not stay: only on demand.
  return header.IsWal() || mode == SnapshotMode::kDirect ? Way::kDirect : Way::kBackup;
}

absl::StatusOr<OpenedStore> OpenStore(const std::string& path, int connections, const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(const Way way, ChooseWay(path, options.mode));
  if (way == Way::kRecovered) return OpenRecovered(path, connections, options.scratch_dir);
  if (way == Way::kBackup) return OpenBackup(path, connections, options.scratch_dir);
  absl::StatusOr<OpenedStore> direct = OpenDirect(path, connections);
  // Too busy a writer for many connections still leaves room for one, and a copy of what that sees.
  if (direct.status().code() == absl::StatusCode::kUnavailable && options.mode == SnapshotMode::kAuto) {
    return OpenBackup(path, connections, options.scratch_dir);
  }
  return direct;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Snapshot>> Snapshot::Open(const std::string& path, int connections,
                                                         const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(OpenedStore store, OpenStore(path, connections, options));
  if (options.check_structure) RETURN_IF_ERROR(CheckStructure(store.connections.front(), path));
  return std::make_unique<StoreSnapshot>(std::move(store));
}

}  // namespace vecferry::sqlite
