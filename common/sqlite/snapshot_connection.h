#ifndef VECFERRY_COMMON_SQLITE_SNAPSHOT_CONNECTION_H_
#define VECFERRY_COMMON_SQLITE_SNAPSHOT_CONNECTION_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "common/base/mutex.h"
#include "common/sqlite/database.h"

namespace vecferry::sqlite {

// One connection of a snapshot, used in turns: a connection to the store, later perhaps one to a copy that shows the
// same. It changes between two turns only, and at once when nobody has the turn: who waits for something else should
// not. A statement may be kept from turn to turn, but may be touched, destroyed too, only within one; when the turn's
// database is another by then, its statement's place is lost. Thread-safe.
class SnapshotConnection {
 public:
  explicit SnapshotConnection(Database database);

  class Turn {
   public:
    explicit Turn(SnapshotConnection& connection);  // waits until nobody else has it
    ~Turn() { connection_.GiveBack(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    Database& operator*() const { return *database_; }
    Database* operator->() const { return database_; }

   private:
    SnapshotConnection& connection_;
    Database* database_;
  };

  Turn Take() { return Turn(*this); }
  // Ends the running statement with kCancelled, from any thread.
  void Interrupt();
  // Goes on with `copy`; the connection until now is closed, with its locks.
  void MoveTo(Database copy);

 private:
  void GiveBack();

  base::Mutex mutex_;
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Database> database_ ABSL_GUARDED_BY(mutex_);  // used, but for Interrupt, by who has the turn
  std::unique_ptr<Database> next_ ABSL_GUARDED_BY(mutex_);      // to take its place at the end of this turn
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_SNAPSHOT_CONNECTION_H_
