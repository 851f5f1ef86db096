#include "common/sqlite/snapshot.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/opened_store.h"
#include "common/sqlite/snapshot_mover.h"
#include "common/sqlite/structure.h"

namespace vecferry::sqlite {
namespace {

// Who wrote so lately will write again, and may not wait at all for a reader to go.
constexpr absl::Duration kWrittenLately = absl::Minutes(10);

class StoreSnapshot : public Snapshot {
 public:
  explicit StoreSnapshot(OpenedStore store) : fingerprint_(std::move(store.fingerprint)), is_copy_(store.is_copy) {
    for (Database& connection : store.connections) {
      connections_.push_back(std::make_unique<SnapshotConnection>(std::move(connection)));
    }
  }
  SnapshotConnection& connection(int index) override { return *connections_.at(static_cast<std::size_t>(index)); }
  int connections() const override { return static_cast<int>(connections_.size()); }
  const std::string& fingerprint() const override { return fingerprint_; }
  bool is_copy() const override { return is_copy_; }
  void Interrupt() override {
    if (mover_) mover_->Stop();
    for (const auto& connection : connections_) connection->Interrupt();
  }
  // Moves to a copy when it must; `held` sees the snapshot.
  void MoveOnDemand(const std::string& path, const SnapshotOptions& options, Database held, bool is_wal) {
    mover_.emplace(path, options, std::move(held), is_wal, connections(), [this](std::vector<Database> copies) {
      for (std::size_t i = 0; i < copies.size(); ++i) connections_[i]->MoveTo(std::move(copies[i]));
      is_copy_ = true;
    });
  }

 private:
  std::vector<std::unique_ptr<SnapshotConnection>> connections_;
  const std::string fingerprint_;
  std::atomic<bool> is_copy_;
  std::optional<SnapshotMover> mover_;  // last: it uses the connections
};

bool IsWrittenLately(const std::string& path) {
  for (const char* sidecar : {"", "-journal"}) {
    const std::optional<absl::Time> written = WriteTime(absl::StrCat(path, sidecar));
    if (written && absl::Now() - *written < kWrittenLately) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<StoreSnapshot>> OpenHeld(const std::string& path, int connections, bool is_wal,
                                                        const SnapshotOptions& options) {
  absl::StatusOr<OpenedStore> direct = OpenDirect(path, connections + 1);
  if (direct.status().code() == absl::StatusCode::kUnavailable) {
    // Too busy a writer for many connections still leaves room for one, and a copy of what that sees.
    ASSIGN_OR_RETURN(OpenedStore backup, OpenCopied(Way::kBackup, path, connections, options));
    return std::make_unique<StoreSnapshot>(std::move(backup));
  }
  RETURN_IF_ERROR(direct.status());
  Database held = std::move(direct->connections.back());
  direct->connections.pop_back();
  auto snapshot = std::make_unique<StoreSnapshot>(*std::move(direct));
  snapshot->MoveOnDemand(path, options, std::move(held), is_wal);
  return snapshot;
}

absl::StatusOr<std::unique_ptr<StoreSnapshot>> OpenStore(const std::string& path, int connections,
                                                         const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(const Way way, ChooseWay(path, options.mode));
  if (way == Way::kHeldWal || way == Way::kHeldJournal) {
    return OpenHeld(path, connections, way == Way::kHeldWal, options);
  }
  ASSIGN_OR_RETURN(OpenedStore store,
                   way == Way::kDirect ? OpenDirect(path, connections) : OpenCopied(way, path, connections, options));
  return std::make_unique<StoreSnapshot>(std::move(store));
}

}  // namespace

absl::StatusOr<Way> ChooseWay(const std::string& path, SnapshotMode mode) {
  absl::StatusOr<Database> probe = Database::Open(path, /*immutable=*/false);
  if (probe.status().code() == absl::StatusCode::kFailedPrecondition) return Way::kRecovered;
  RETURN_IF_ERROR(probe.status());
  ASSIGN_OR_RETURN(const FileHeader header, ReadFileHeader(probe->raw()));
  // Without the right to write the shared index a reader cannot hold its place in the log.
  if (header.IsWal() && access(absl::StrCat(path, "-shm").c_str(), W_OK) != 0) return Way::kRecovered;
  if (mode == SnapshotMode::kCopy) return Way::kBackup;
  if (mode == SnapshotMode::kDirect) return Way::kDirect;
  if (header.IsWal()) return Way::kHeldWal;
  // A reader of a rollback-journal store keeps its writer from committing.
  return IsWrittenLately(path) ? Way::kBackup : Way::kHeldJournal;
}

std::string RealPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&free)> real(realpath(path.c_str(), nullptr), &free);
  return real == nullptr ? path : std::string(real.get());
}

absl::StatusOr<CopyTime> WhenCopied(const std::string& path, SnapshotMode mode) {
  ASSIGN_OR_RETURN(const Way way, ChooseWay(path, mode));
  switch (way) {
    case Way::kDirect: return CopyTime::kNever;
    case Way::kHeldWal:
    case Way::kHeldJournal: return CopyTime::kOnDemand;
    case Way::kBackup:
    case Way::kRecovered: break;
  }
  return CopyTime::kFirst;
}

absl::StatusOr<std::unique_ptr<Snapshot>> Snapshot::Open(const std::string& path, int connections,
                                                         const SnapshotOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<StoreSnapshot> snapshot, OpenStore(path, connections, options));
  if (options.check_structure) RETURN_IF_ERROR(CheckStructure(snapshot->connection(0), path, options.stopping));
  return snapshot;
}

}  // namespace vecferry::sqlite
