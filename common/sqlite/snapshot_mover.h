#ifndef VECFERRY_COMMON_SQLITE_SNAPSHOT_MOVER_H_
#define VECFERRY_COMMON_SQLITE_SNAPSHOT_MOVER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/sqlite/database.h"
#include "common/sqlite/snapshot.h"

namespace vecferry::sqlite {

// Watches, on a thread of its own, whether a snapshot that is held on the store itself stands in somebody's way:
// another program waits to write to a rollback-journal store, or a WAL store's log grows and cannot be cut. Then it
// copies the store, as its own connection sees it, and hands over connections to the copy, once. Thread-safe.
class SnapshotMover {
 public:
  // `held` is within a read transaction of the snapshot and is closed after the move; `connections` is how many `move`
  // gets. `move` runs on the thread, before the destructor ends.
  SnapshotMover(std::string path, const SnapshotOptions& options, Database held, bool is_wal, int connections,
                std::function<void(std::vector<Database>)> move);
  ~SnapshotMover();
  SnapshotMover(const SnapshotMover&) = delete;
  SnapshotMover& operator=(const SnapshotMover&) = delete;

  // No move any more; a copy in the making is given up. Returns at once.
  void Stop();

 private:
  void Run();
  absl::Status Move(const std::string& why);
  // Who is in whose way, as words; "" = nobody.
  std::string WhyMove();
  void Tell(const std::string& notice) const;
  bool stopping();
  // Waits; whether Stop() was called.
  bool StoppedWithin(absl::Duration duration);

  const std::string path_;
  const SnapshotOptions options_;
  const bool is_wal_;
  const int connections_;
  const std::function<void(std::vector<Database>)> move_;
  std::optional<Database> held_;  // the thread's
  base::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SNAPSHOT_MOVER_H_
