#ifndef VECFERRY_COMMON_SOURCE_LOCAL_COPIES_H_
#define VECFERRY_COMMON_SOURCE_LOCAL_COPIES_H_

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "common/rpc/clients.h"
#include "common/source/fetched_part.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::source {

// The copies of sources that a worker reads: the coordinator's own, where it lies in the same scratch folder, else one
// that the processes of this host, of one folder, fetched together: SCRATCH/vecferry-fetched-ID.db, and while it comes
// .db.part. Thread-safe.
class LocalCopies {
 public:
  // `scratch_dir`: "" = $TMPDIR, else /tmp.
  explicit LocalCopies(std::string scratch_dir, const FetchOptions& options = {});

  // A connection for one user. Fetches the copy when it is not there, or waits until another thread or process of this
  // host has. Errors: as FetchedPart::Fetch; kUnavailable also: that other seems to be stopped;
  // kInvalidArgument: no id; kCancelled once `stopping` says so.
  absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> Open(const std::string& snapshot,
                                                                   rpc::SourceClient& source,
                                                                   const std::function<bool()>& stopping);
  // Removes the fetched copies and parts that nobody holds, but for these.
  void KeepOnly(const std::set<std::string>& snapshots);

 private:
  // What is there. kNotFound; kUnavailable: for a moment it is another's alone.
  absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> Find(const std::string& snapshot) const;
  std::string FetchedPath(const std::string& snapshot) const;

  const std::string scratch_dir_;
  const FetchOptions options_;
};

}  // namespace vecferry::source

#endif  // VECFERRY_COMMON_SOURCE_LOCAL_COPIES_H_
