#include "common/source/fetched_part.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/held_file.h"
#include "common/sqlite/scratch_file.h"

namespace vecferry::source {
namespace {

// A part goes on from a whole piece: the tail that a killed process wrote may be torn.
constexpr std::int64_t kPieceBytes = 1 << 20;
constexpr absl::Duration kLook = absl::Milliseconds(50);

// The coordinator, or the connection to it, may be better soon. A server that ends cuts its calls off with kCancelled;
// a damaged piece can be sent once more.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsCancelled(status) || absl::IsDataLoss(status);
}

}  // namespace

bool StoppedWithin(absl::Duration duration, const std::function<bool()>& stopping) {
  const absl::Time end = absl::Now() + duration;
  for (absl::Time now = absl::Now(); now < end; now = absl::Now()) {
    if (stopping()) return true;
    absl::SleepFor(std::min(kLook, end - now));
  }
  return stopping();
}

absl::StatusOr<std::unique_ptr<FetchedPart>> FetchedPart::TryLock(const std::string& path,
                                                                  const std::string& scratch_dir,
                                                                  const FetchOptions& options) {
  const std::string part_path = absl::StrCat(path, ".part");
  base::Descriptor file(open(part_path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return sqlite::ErrnoStatus("cannot make", part_path);
  const bool locked = flock(file.number(), LOCK_EX | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) return sqlite::ErrnoStatus("cannot lock", part_path);
  // The name may have gone with the one who had the lock: the file is the copy by now, or removed.
  if (!locked || !sqlite::IsNamed(file, part_path)) return nullptr;
  ASSIGN_OR_RETURN(const std::int64_t bytes, sqlite::SizeOf(file, part_path));
  return std::unique_ptr<FetchedPart>(new FetchedPart(path, scratch_dir, options, std::move(file), bytes));
}

FetchedPart::FetchedPart(std::string path, std::string scratch_dir, const FetchOptions& options, base::Descriptor file,
                         std::int64_t bytes)
    : path_(std::move(path)),
      part_path_(absl::StrCat(path_, ".part")),
      scratch_dir_(std::move(scratch_dir)),
      options_(options),
      file_(std::move(file)),
      bytes_(bytes) {}

FetchedPart::~FetchedPart() {
  // Not another's: an empty copy has its name by now.
  if (bytes_ == 0 && sqlite::IsNamed(file_, part_path_)) unlink(part_path_.c_str());
}

absl::Status FetchedPart::CutTo(std::int64_t bytes) {
  if (ftruncate(file_.number(), bytes) != 0) return sqlite::ErrnoStatus("cannot cut", part_path_);
  bytes_ = bytes;
  sum_ = sqlite::RunningSum();
  return absl::OkStatus();
}

absl::Status FetchedPart::Fetch(const std::string& snapshot, rpc::SourceClient& source,
                                const std::function<bool()>& stopping) {
  RETURN_IF_ERROR(CutTo(bytes_ / kPieceBytes * kPieceBytes));
  RETURN_IF_ERROR(sqlite::AddFile(file_, bytes_, part_path_, stopping, sum_));
  for (const bool last : {false, true}) {
    const absl::Status fetched = FetchRest(snapshot, source, stopping);
    // kOutOfRange: what lies there is longer than the copy.
    if (!fetched.ok() && !absl::IsOutOfRange(fetched)) return fetched;
    if (fetched.ok() && sum_.Get() == target_->xxh3) return Finish();
    RETURN_IF_ERROR(CutTo(0));
    if (last && !fetched.ok()) return fetched;
  }
  return absl::DataLossError(absl::StrCat("copy ", core::SanitizeText(snapshot), " of the source came twice with ",
                                          target_->bytes, " bytes of another checksum than the coordinator's"));
}

absl::Status FetchedPart::FetchRest(const std::string& snapshot, rpc::SourceClient& source,
                                    const std::function<bool()>& stopping) {
  int tries = 0;
  absl::Duration pause = options_.pause;
  absl::Time progress = absl::Now();
  while (true) {
    const std::int64_t before = bytes_;
    absl::Status taken;
    absl::Status sent = source.Fetch(snapshot, static_cast<std::uint64_t>(bytes_), stopping,
                                     [&](const rpc::SourceChunk& chunk) { return taken = Take(chunk); });
    RETURN_IF_ERROR(taken);
    if (stopping()) return absl::CancelledError("stopped while a copy was fetched");
    if (sent.ok() && target_ && bytes_ == target_->bytes) return absl::OkStatus();
    if (sent.ok()) sent = absl::UnavailableError("the coordinator sent less than the whole copy");
    if (bytes_ > before) {
      tries = 0;
      pause = options_.pause;
      progress = absl::Now();
    }
    if (absl::IsResourceExhausted(sent)) {
      if (absl::Now() - progress >= options_.busy_max) return sent;
      pause = options_.pause_max;
    } else if (!MayPass(sent) || ++tries >= options_.tries_max) {
      return sent;
    }
    if (StoppedWithin(pause, stopping)) return absl::CancelledError("stopped while a copy was fetched");
    pause = std::min(2 * pause, options_.pause_max);
  }
}

absl::Status FetchedPart::Take(const rpc::SourceChunk& chunk) {
  const sqlite::FileSum told{static_cast<std::int64_t>(chunk.file_bytes), chunk.file_xxh3};
  if (!target_) {
    target_ = told;
    if (!sqlite::CheckRoom(scratch_dir_, told.bytes - bytes_).ok()) return NoRoom();
  }
  if (told != *target_ || bytes_ + static_cast<std::int64_t>(chunk.data.size()) > told.bytes) {
    return absl::DataLossError(absl::StrCat("a copy of ", target_->bytes, " bytes became another one of ", told.bytes,
                                            " while it was fetched"));
  }
  const absl::Status written = sqlite::WriteAll(file_, chunk.data, part_path_);
  if (absl::IsResourceExhausted(written)) return NoRoom();
  RETURN_IF_ERROR(written);
  sum_.Add(chunk.data);
  bytes_ += static_cast<std::int64_t>(chunk.data.size());
  return absl::OkStatus();
}

// Leaves no half copy on a full disk.
absl::Status FetchedPart::NoRoom() {
  RETURN_IF_ERROR(CutTo(0));
  return sqlite::NoRoomError(scratch_dir_, target_->bytes);
}

absl::Status FetchedPart::Finish() {
  // Whoever finds the copy after a loss of power takes it for whole.
  if (fdatasync(file_.number()) != 0) {
    const absl::Status synced = sqlite::ErrnoStatus("cannot write", part_path_);
    return absl::IsResourceExhausted(synced) ? NoRoom() : synced;
  }
  if (rename(part_path_.c_str(), path_.c_str()) != 0) return sqlite::ErrnoStatus("cannot make", path_);
  // Others may hold it from now on.
  flock(file_.number(), LOCK_SH | LOCK_NB);
  return absl::OkStatus();
}

}  // namespace vecferry::source
