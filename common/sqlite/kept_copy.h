#ifndef VECFERRY_COMMON_SQLITE_KEPT_COPY_H_
#define VECFERRY_COMMON_SQLITE_KEPT_COPY_H_

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/descriptor.h"
#include "common/sqlite/file_bytes.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::sqlite {

// Copies of a store that other processes read: SCRATCH/vecferry-source-ID.db, a whole database, written by nobody any
// more, and beside it vecferry-source-ID.db.seal, which tells what it is to hold. `scratch_dir` is as in
// SnapshotOptions.

// One such copy; while this object lives no process removes it.
struct KeptCopy {
  std::string id;  // a UUID
  std::string path;
  std::string fingerprint;  // of the store at that state, as Snapshot::fingerprint
  FileSum sum;
  base::Descriptor hold;
};

// Copies the store as it is now, by the ways of Snapshot::Open with SnapshotMode::kCopy, under a new id.
// Errors as Snapshot::Open.
absl::StatusOr<KeptCopy> MakeKeptCopy(const std::string& path, const std::string& scratch_dir,
                                      const std::function<bool()>& stopping);

// One that is there, its bytes checked against the seal: it was not synced to disk, and a machine may have lost power
// since. kNotFound; kUnavailable: it is just being removed; kDataLoss: it is not as it was made; kInvalidArgument: no
// id; kCancelled once `stopping` says so.
absl::StatusOr<KeptCopy> FindKeptCopy(const std::string& scratch_dir, absl::string_view id,
                                      const std::function<bool()>& stopping);

// A connection to the whole copy at `path`, one of these or one that was fetched, for one user. It holds the copy.
// Errors as Hold (held_file.h).
absl::StatusOr<std::shared_ptr<SnapshotConnection>> ConnectToCopy(const std::string& path);

// Whether it may be part of a file's name: ids come from other processes.
bool IsCopyId(absl::string_view id);
std::string KeptCopyPath(const std::string& scratch_dir, absl::string_view id);

// Whether the copy is gone; not while somebody holds it.
bool RemoveKeptCopy(const std::string& scratch_dir, absl::string_view id);
// All that nobody holds, but for these, which are not tried.
std::set<std::string> UnheldCopiesBut(const std::string& scratch_dir, const std::set<std::string>& ids);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_KEPT_COPY_H_
