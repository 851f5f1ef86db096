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
};

// Read-only connections that all see one state of the store, however long they stay open and whoever writes meanwhile
// (protocol section 2): opened together under one data_version, or over one copy. The copy is removed when the object
// goes. Thread-safe once opened, one thread a connection.
class Snapshot {
 public:
  // Opens `connections` connections. Errors as Database::Open; kUnavailable when the store stays locked.
  static absl::StatusOr<std::unique_ptr<Snapshot>> Open(const std::string& path, int connections,
                                                         const SnapshotOptions& options);
  virtual ~Snapshot() = default;
  virtual Database& connection(int index) = 0;
  virtual int connections() const = 0;
  // Physical state of the store at this snapshot: page count, change counter, schema cookie, WAL salts and last commit
  // frame, as text. Equal texts mean equal contents.
  virtual const std::string& fingerprint() const = 0;
  virtual bool is_copy() const = 0;
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SNAPSHOT_H_
