#ifndef VECFERRY_COMMON_SQLITE_SNAPSHOT_H_
#define VECFERRY_COMMON_SQLITE_SNAPSHOT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/sqlite/database.h"

namespace vecferry::sqlite {

enum class SnapshotMode { kAuto, kDirect, kCopy };  // --snapshot

struct SnapshotOptions {
  SnapshotMode mode = SnapshotMode::kAuto;
  std::string scratch_dir;  // for copies; "" = $TMPDIR, else /tmp
  // Walks all pages once before anything is read (0.18 s for 415 MB in memory): damage may hide rows without an error.
  bool check_structure = true;
};

// Read-only connections that all see one state of the store, however long they stay open and whoever writes meanwhile
// (protocol section 2): opened together under one data_version, or over one copy, whose name is removed as soon as it
// is open. Thread-safe once opened, one thread a connection. Nobody in this process may open and close the store's file
// or its -shm by other means while a Snapshot lives: POSIX would drop SQLite's locks with it.
class Snapshot {
 public:
  // Opens `connections` connections. Errors as Database::Open; kUnavailable when the store stays locked;
  // kDataLoss also for damaged pages anywhere in the store.
  static absl::StatusOr<std::unique_ptr<Snapshot>> Open(const std::string& path, int connections,
                                                        const SnapshotOptions& options);
  virtual ~Snapshot() = default;
  virtual Database& connection(int index) = 0;
  virtual int connections() const = 0;
  // Physical state of the store at this snapshot: page count, schema cookie, and the change counter, or for a WAL store
  // salts, last commit frame and the main file's time, as text. Equal texts mean equal contents.
  virtual const std::string& fingerprint() const = 0;
  virtual bool is_copy() const = 0;
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SNAPSHOT_H_
