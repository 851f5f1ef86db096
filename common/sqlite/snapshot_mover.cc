#include "common/sqlite/snapshot_mover.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/opened_store.h"
#include "common/sqlite/scratch_file.h"

namespace vecferry::sqlite {
namespace {

// A look costs one fcntl() or stat(). Programs wait for seconds before they give a write up, or not at all.
constexpr absl::Duration kLook = absl::Milliseconds(20);

}  // namespace

SnapshotMover::SnapshotMover(std::string path, const SnapshotOptions& options, Database held, bool is_wal,
                             int connections, std::function<void(std::vector<Database>)> move)
    : path_(std::move(path)),
      options_(options),
      is_wal_(is_wal),
      connections_(connections),
      move_(std::move(move)),
      held_(std::move(held)),
      thread_([this] { Run(); }) {}

SnapshotMover::~SnapshotMover() {
  Stop();
  thread_.join();
}

void SnapshotMover::Stop() {
  base::MutexLock lock(&mutex_);
  stopping_ = true;
}

bool SnapshotMover::stopping() {
  base::MutexLock lock(&mutex_);
  return stopping_;
}

bool SnapshotMover::StoppedWithin(absl::Duration duration) {
  base::MutexLock lock(&mutex_);
  return mutex_.AwaitUntil(absl::Now() + duration,
                           [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_; });
}

void SnapshotMover::Tell(const std::string& notice) const {
  if (options_.on_notice != nullptr) options_.on_notice(notice);
}

std::string SnapshotMover::WhyMove() {
  if (!is_wal_) {
    return IsBeingWritten(held_->raw()) ? absl::StrCat("another program waits to write to ", core::SanitizeText(path_))
                                        : "";
  }
  const std::int64_t bytes = FileBytes(absl::StrCat(path_, "-wal"));
  if (bytes <= options_.wal_bytes_max) return "";
  return absl::StrCat("the write-ahead log of ", core::SanitizeText(path_), " grew to ", bytes, " bytes");
}

absl::Status SnapshotMover::Move(const std::string& why) {
  ASSIGN_OR_RETURN(std::vector<Database> copies,
                   OpenCopyOf(*held_, connections_, options_.scratch_dir, [this] { return stopping(); }));
  move_(std::move(copies));
  held_.reset();
  Tell(absl::StrCat(why, "; reading on from a copy in ", core::SanitizeText(ScratchFolder(options_.scratch_dir))));
  return absl::OkStatus();
}

void SnapshotMover::Run() {
  bool told = false;
  absl::Duration pause = kLook;
  while (!StoppedWithin(pause)) {
    pause = kLook;
    const std::string why = WhyMove();
    if (why.empty()) continue;
    const absl::Status moved = Move(why);
    if (moved.ok()) return;
    // Nothing is lost by going on as before but the other program's time, or room for the log.
    pause = options_.copy_retry;
    if (!told && !stopping()) {
      told = true;
      Tell(absl::StrCat(why, ", and no copy to read on from can be made: ", moved.message(),
                        "; the store itself is read on, and a copy is tried again every ",
                        absl::FormatDuration(options_.copy_retry)));
    }
  }
}

}  // namespace vecferry::sqlite
