#ifndef VECFERRY_COMMON_SQLITE_SNAPSHOT_H_
#define VECFERRY_COMMON_SQLITE_SNAPSHOT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sqlite/snapshot_connection.h"

namespace vecferry::sqlite {

enum class SnapshotMode { kAuto, kDirect, kCopy };  // --snapshot

struct SnapshotOptions {
  SnapshotMode mode = SnapshotMode::kAuto;
  std::string scratch_dir;  // for copies; "" = $TMPDIR, else /tmp
  // Walks all pages once before anything is read (0.18 s for 415 MB in memory): damage may hide rows without an error.
  bool check_structure = true;
  // kAuto: a held WAL store whose log grows past this is copied.
  std::int64_t wal_bytes_max = std::int64_t{1} << 30;
  // kAuto: a copy that could not be made is tried again after so long.
  absl::Duration copy_retry = absl::Seconds(30);
  // Asked now and then, on more than one thread, while the snapshot opens: true gives it up, with a copy in the making.
  std::function<bool()> stopping = [] { return false; };
  // Told, as a line for people, that the snapshot moved to a copy, or why it cannot. From a thread of the snapshot's.
  std::function<void(const std::string&)> on_notice;
};

// The path with its links resolved: a store is known by its real path. What does not exist stays as it is.
std::string RealPath(const std::string& path);

// When a store is copied: kOnDemand = when the snapshot stands in the way of others who write.
enum class CopyTime { kNever, kOnDemand, kFirst };
// What Snapshot::Open does with the store as it is now. Errors as Database::Open.
absl::StatusOr<CopyTime> WhenCopied(const std::string& path, SnapshotMode mode);

// Read-only connections that all see one state of the store, however long they stay open and whoever writes meanwhile
// (protocol section 2): opened together under one data_version, or over one copy, whose name is removed as soon as it
// is open; or first the one, and then, when another program waits to write, the other. Thread-safe. Nobody in this
// process may open and close the store's file or its -shm by other means while a Snapshot lives: POSIX would drop
// SQLite's locks with it.
class Snapshot {
 public:
  // Opens `connections` connections. Errors as Database::Open; kUnavailable when the store stays locked;
  // kDataLoss also for damaged pages anywhere in the store; kCancelled once `options.stopping` says so.
  static absl::StatusOr<std::unique_ptr<Snapshot>> Open(const std::string& path, int connections,
                                                        const SnapshotOptions& options);
  virtual ~Snapshot() = default;
  virtual SnapshotConnection& connection(int index) = 0;
  virtual int connections() const = 0;
  // Physical state of the store at this snapshot: page count, schema cookie, and the change counter, or for a WAL store
  // salts, last commit frame and the main file's time, as text. Equal texts mean equal contents.
  virtual const std::string& fingerprint() const = 0;
  // Whether a copy is read by now.
  virtual bool is_copy() const = 0;
  // The process is about to end: running statements and a copy in the making are given up, and no copy is begun.
  virtual void Interrupt() = 0;
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SNAPSHOT_H_
