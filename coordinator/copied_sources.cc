#include "coordinator/copied_sources.h"

#include <map>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/sqlite/kept_copy.h"

namespace vecferry::coordinator {
namespace {

// Which copies are open, known to be whole, or to be removed. Thread-safe.
class Copies {
 public:
  explicit Copies(std::string scratch_dir) : scratch_dir_(std::move(scratch_dir)) {}
  const std::string& scratch_dir() const { return scratch_dir_; }

  void Open(const sqlite::KeptCopy& copy) {
    base::MutexLock lock(&mutex_);
    Known& known = known_[copy.id];
    known.file = {copy.path, copy.sum};
    ++known.open;
    discarded_.erase(copy.id);
  }
  void Close(const std::string& id) {
    {
      base::MutexLock lock(&mutex_);
      const auto known = known_.find(id);
      if (known != known_.end()) --known->second.open;  // it may have been removed since its hold ended
    }
    RemoveDiscarded();
  }
  void Discard(const std::string& id) {
    if (!sqlite::IsCopyId(id)) return;
    {
      base::MutexLock lock(&mutex_);
      discarded_.insert(id);
    }
    RemoveDiscarded();
  }
  void RemoveDiscarded() {
    // Those that are open are held, and stay.
    for (const std::string& id : Discarded()) RemoveIdle(id);
  }

  // Whoever holds it keeps it.
  void RemoveIdle(const std::string& id) {
    if (sqlite::RemoveKeptCopy(scratch_dir_, id)) Forget(id);
  }

  absl::StatusOr<SentCopy> Find(const std::string& id) {
    {
      base::MutexLock lock(&mutex_);
      const auto known = known_.find(id);
      if (known != known_.end()) return known->second.file;
    }
    ASSIGN_OR_RETURN(const sqlite::KeptCopy copy, sqlite::FindKeptCopy(scratch_dir_, id, [] { return false; }));
    base::MutexLock lock(&mutex_);
    return known_.try_emplace(id, Known{{copy.path, copy.sum}, 0}).first->second.file;
  }
  std::vector<std::string> InUse() {
    base::MutexLock lock(&mutex_);
    std::vector<std::string> ids;
    for (const auto& [id, known] : known_) {
      if (known.open > 0) ids.push_back(id);
    }
    return ids;
  }

 private:
  struct Known {
    SentCopy file;
    int open = 0;
  };

  std::set<std::string> Discarded() {
    base::MutexLock lock(&mutex_);
    return discarded_;
  }
  void Forget(const std::string& id) {
    base::MutexLock lock(&mutex_);
    discarded_.erase(id);
    known_.erase(id);
  }

  const std::string scratch_dir_;
  base::Mutex mutex_;
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> discarded_ ABSL_GUARDED_BY(mutex_);
};

// The store itself, for as long as a plan is looked at.
class LookedAt : public Source {
 public:
  explicit LookedAt(std::unique_ptr<sqlite::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}
  const std::string& snapshot() const override { return no_copy_; }
  const std::string& fingerprint() const override { return snapshot_->fingerprint(); }
  sqlite::SnapshotConnection& connection() override { return snapshot_->connection(0); }
  absl::Status CheckWhole(const Stopping&) override { return absl::OkStatus(); }  // no copy

 private:
  const std::unique_ptr<sqlite::Snapshot> snapshot_;
  const std::string no_copy_;
};

class CopiedSource : public Source {
 public:
  CopiedSource(std::shared_ptr<Copies> copies, sqlite::KeptCopy copy,
               std::shared_ptr<sqlite::SnapshotConnection> connection)
      : copies_(std::move(copies)), copy_(std::move(copy)), connection_(std::move(connection)) {
    copies_->Open(copy_);
  }
  ~CopiedSource() override {
    connection_.reset();
    copy_.hold.Close();
    copies_->Close(copy_.id);
  }
  const std::string& snapshot() const override { return copy_.id; }
  const std::string& fingerprint() const override { return copy_.fingerprint; }
  sqlite::SnapshotConnection& connection() override { return *connection_; }
  absl::Status CheckWhole(const Stopping& stopping) override {
    return sqlite::FindKeptCopy(copies_->scratch_dir(), copy_.id, stopping).status();
  }

 private:
  const std::shared_ptr<Copies> copies_;
  sqlite::KeptCopy copy_;
  std::shared_ptr<sqlite::SnapshotConnection> connection_;
};

bool IsLost(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsDataLoss(status) || absl::IsUnavailable(status);
}

class FolderSources : public CopiedSources {
 public:
  explicit FolderSources(std::string scratch_dir) : copies_(std::make_shared<Copies>(std::move(scratch_dir))) {}

  absl::StatusOr<std::shared_ptr<Source>> Look(const std::string& path, const Stopping& stopping) override {
    ASSIGN_OR_RETURN(
        std::unique_ptr<sqlite::Snapshot> snapshot,
        sqlite::Snapshot::Open(
            path, 1,
            {.mode = sqlite::SnapshotMode::kDirect, .scratch_dir = copies_->scratch_dir(), .stopping = stopping}));
    return std::make_shared<LookedAt>(std::move(snapshot));
  }

  absl::StatusOr<std::shared_ptr<Source>> Open(const std::string& path, const std::string& snapshot,
                                               const Stopping& stopping) override {
    absl::StatusOr<sqlite::KeptCopy> copy = absl::NotFoundError("no copy yet");
    if (sqlite::IsCopyId(snapshot)) copy = sqlite::FindKeptCopy(copies_->scratch_dir(), snapshot, stopping);
    // What is lost is made anew, of what the source is by then; the new id and fingerprint tell.
    if (IsLost(copy.status())) {
      copy = sqlite::MakeKeptCopy(path, copies_->scratch_dir(), stopping);
    }
    RETURN_IF_ERROR(copy.status());
    ASSIGN_OR_RETURN(auto connection, sqlite::ConnectToCopy(copy->path));
    return std::make_shared<CopiedSource>(copies_, *std::move(copy), std::move(connection));
  }

  void Discard(const std::string& snapshot) override { copies_->Discard(snapshot); }
  absl::StatusOr<SentCopy> Find(const std::string& snapshot) override { return copies_->Find(snapshot); }
  std::vector<std::string> InUse() override { return copies_->InUse(); }
  void RemoveDiscarded() override { copies_->RemoveDiscarded(); }
  void KeepOnly(const std::set<std::string>& snapshots) override {
    std::set<std::string> idle = sqlite::UnheldCopiesBut(copies_->scratch_dir(), snapshots);
    base::MutexLock lock(&mutex_);
    for (const std::string& id : idle) {
      if (idle_.count(id) > 0) copies_->RemoveIdle(id);
    }
    idle_.swap(idle);
  }

 private:
  const std::shared_ptr<Copies> copies_;
  base::Mutex mutex_;
  std::set<std::string> idle_ ABSL_GUARDED_BY(mutex_);  // at the last KeepOnly()
};

}  // namespace

std::shared_ptr<CopiedSources> MakeCopiedSources(std::string scratch_dir) {
  return std::make_shared<FolderSources>(std::move(scratch_dir));
}

}  // namespace vecferry::coordinator
