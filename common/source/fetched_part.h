#ifndef VECFERRY_COMMON_SOURCE_FETCHED_PART_H_
#define VECFERRY_COMMON_SOURCE_FETCHED_PART_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/descriptor.h"
#include "common/rpc/clients.h"
#include "common/sqlite/file_bytes.h"

namespace vecferry::source {

struct FetchOptions {
  // A coordinator that went away is asked again after pauses that double, so often without a byte in between: half a
  // minute in all.
  int tries_max = 10;
  absl::Duration pause = absl::Milliseconds(200), pause_max = absl::Seconds(5);
  // One that has too much to do sends to others meanwhile: it is asked again every `pause_max` for so long.
  absl::Duration busy_max = absl::Minutes(30);
  // Another process of the host that fetches, and adds no byte for so long, may be stopped: it is waited for no longer.
  absl::Duration stalled_max = absl::Minutes(2);
};

// Waits, up to `duration`; whether `stopping` said so.
bool StoppedWithin(absl::Duration duration, const std::function<bool()>& stopping);

// A copy that is being fetched into PATH.part, by whoever has the lock on that file. Not thread-safe.
class FetchedPart {
 public:
  // Takes the lock on PATH.part, which it makes when there is none. nullptr: another has it just now.
  static absl::StatusOr<std::unique_ptr<FetchedPart>> TryLock(const std::string& path, const std::string& scratch_dir,
                                                              const FetchOptions& options);
  // Gives the lock back; what came is left for the next who tries.
  ~FetchedPart();
  FetchedPart(const FetchedPart&) = delete;
  FetchedPart& operator=(const FetchedPart&) = delete;

  // Fetches what is missing and names the file PATH. Where the whole then is not the coordinator's, by its checksum, it
  // begins anew, once. Errors: those of the coordinator; kUnavailable: it stays away; kDataLoss: twice another
  // checksum; kResourceExhausted: no room, or a coordinator that stays too busy; kCancelled once `stopping` says so.
  absl::Status Fetch(const std::string& snapshot, rpc::SourceClient& source, const std::function<bool()>& stopping);

 private:
  FetchedPart(std::string path, std::string scratch_dir, const FetchOptions& options, base::Descriptor file,
              std::int64_t bytes);
  absl::Status FetchRest(const std::string& snapshot, rpc::SourceClient& source, const std::function<bool()>& stopping);
  absl::Status Take(const rpc::SourceChunk& chunk);
  absl::Status CutTo(std::int64_t bytes);
  absl::Status NoRoom();
  absl::Status Finish();

  const std::string path_, part_path_, scratch_dir_;
  const FetchOptions options_;
  base::Descriptor file_;
  std::int64_t bytes_ = 0;                 // that are there
  sqlite::RunningSum sum_;                 // of them
  std::optional<sqlite::FileSum> target_;  // of the whole, once the coordinator told
};

}  // namespace vecferry::source

#endif  // VECFERRY_COMMON_SOURCE_FETCHED_PART_H_
