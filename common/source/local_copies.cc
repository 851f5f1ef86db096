#include "common/source/local_copies.h"

#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/held_file.h"
#include "common/sqlite/kept_copy.h"
#include "common/sqlite/scratch_file.h"

namespace vecferry::source {
namespace {

constexpr char kPrefix[] = "vecferry-fetched-";
constexpr absl::Duration kLook = absl::Milliseconds(50);

// kUnavailable: whoever fetched it has it alone for one moment more.
bool IsYetToCome(const absl::Status& status) { return absl::IsNotFound(status) || absl::IsUnavailable(status); }

// How long a file has kept its size.
class Growth {
 public:
  explicit Growth(std::string path) : path_(std::move(path)) {}
  absl::Duration Pause() {
    std::error_code none;
    const std::uintmax_t bytes = std::filesystem::file_size(path_, none);
    if (bytes != std::exchange(bytes_, bytes)) since_ = absl::Now();
    return absl::Now() - since_;
  }

 private:
  const std::string path_;
  std::uintmax_t bytes_ = 0;
  absl::Time since_ = absl::Now();
};

}  // namespace

LocalCopies::LocalCopies(std::string scratch_dir, const FetchOptions& options)
    : scratch_dir_(std::move(scratch_dir)), options_(options) {}

std::string LocalCopies::FetchedPath(const std::string& snapshot) const {
  return absl::StrCat(sqlite::ScratchFolder(scratch_dir_), "/", kPrefix, snapshot, ".db");
}

absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> LocalCopies::Open(const std::string& snapshot,
                                                                              rpc::SourceClient& source,
                                                                              const std::function<bool()>& stopping) {
  if (!sqlite::IsCopyId(snapshot)) {
    return absl::InvalidArgumentError(absl::StrCat(core::SanitizeText(snapshot), " is no id of a copy"));
  }
  Growth growth(absl::StrCat(FetchedPath(snapshot), ".part"));
  while (true) {
    auto found = Find(snapshot);
    if (!IsYetToCome(found.status())) return found;
    ASSIGN_OR_RETURN(const std::unique_ptr<FetchedPart> part,
                     FetchedPart::TryLock(FetchedPath(snapshot), scratch_dir_, options_));
    if (part != nullptr) {
      // It may have come before the lock was there.
      found = Find(snapshot);
      if (absl::IsNotFound(found.status())) {
        RETURN_IF_ERROR(part->Fetch(snapshot, source, stopping));
        return Find(snapshot);
      }
      if (!IsYetToCome(found.status())) return found;
    }
    if (growth.Pause() > options_.stalled_max) {
      return absl::UnavailableError(absl::StrCat("another process that uses ", sqlite::ScratchFolder(scratch_dir_),
                                                 " has the copy in hand and added nothing to it for ",
                                                 absl::FormatDuration(options_.stalled_max)));
    }
    if (StoppedWithin(kLook, stopping)) return absl::CancelledError("stopped while another process fetched a copy");
  }
}

absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> LocalCopies::Find(const std::string& snapshot) const {
  auto shared = sqlite::ConnectToCopy(sqlite::KeptCopyPath(scratch_dir_, snapshot));
  // A folder that is shared with a coordinator of another account is of no use.
  if (absl::IsNotFound(shared.status()) || absl::IsPermissionDenied(shared.status())) {
    return sqlite::ConnectToCopy(FetchedPath(snapshot));
  }
  return shared;
}

void LocalCopies::KeepOnly(const std::set<std::string>& snapshots) {
  for (const char* suffix : {".db", ".db.part"}) {
    sqlite::ForEachFile(sqlite::ScratchFolder(scratch_dir_), kPrefix, suffix,
                        [&](const std::string& path, const std::string& id) {
                          if (sqlite::IsCopyId(id) && snapshots.count(id) == 0) sqlite::RemoveUnheld(path);
                        });
  }
}

}  // namespace vecferry::source
