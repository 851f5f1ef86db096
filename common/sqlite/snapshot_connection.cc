#include "common/sqlite/snapshot_connection.h"

#include <utility>

namespace vecferry::sqlite {

SnapshotConnection::SnapshotConnection(Database database)
    : database_(std::make_unique<Database>(std::move(database))) {}

SnapshotConnection::Turn::Turn(SnapshotConnection& connection) : connection_(connection) {
  base::MutexLock lock(&connection_.mutex_);
  connection_.mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(connection_.mutex_) { return !connection_.taken_; });
  connection_.taken_ = true;
  database_ = connection_.database_.get();
}

void SnapshotConnection::Interrupt() {
  base::MutexLock lock(&mutex_);
  database_->Interrupt();
}

void SnapshotConnection::MoveTo(Database copy) {
  {
    base::MutexLock lock(&mutex_);
    next_ = std::make_unique<Database>(std::move(copy));
    if (taken_) return;  // whoever has it moves at the end of the turn
    taken_ = true;
  }
  GiveBack();
}

void SnapshotConnection::GiveBack() {
  std::unique_ptr<Database> left;
  {
    base::MutexLock lock(&mutex_);
    if (next_ == nullptr) {
      taken_ = false;
      return;
    }
    left = std::exchange(database_, std::move(next_));
  }
  // Statements that are kept would keep the closed connection, and its locks with it.
  left->EndReading();
  left.reset();
  base::MutexLock lock(&mutex_);
  taken_ = false;
}

}  // namespace vecferry::sqlite
