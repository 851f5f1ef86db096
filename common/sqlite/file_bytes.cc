#include "common/sqlite/file_bytes.h"

#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"

namespace vecferry::sqlite {
namespace {

constexpr std::int64_t kPieceBytes = 1 << 20;

}  // namespace

absl::Status ErrnoStatus(absl::string_view what, const std::string& path) {
  const int error = errno;
  // A limit on a file's size is a full disk to whoever writes it.
  const auto code = error == EFBIG ? absl::StatusCode::kResourceExhausted : absl::ErrnoToStatusCode(error);
  return absl::Status(code, absl::StrCat(what, " ", core::SanitizeText(path), ": ", std::strerror(error)));
}

absl::Status WriteAll(const base::Descriptor& file, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(file.number(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus("cannot write", path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status ReadAt(const base::Descriptor& file, std::int64_t offset, std::string& bytes, const std::string& path) {
  for (std::size_t got = 0; got < bytes.size();) {
    const ssize_t count =
        pread(file.number(), bytes.data() + got, bytes.size() - got, offset + static_cast<std::int64_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot read", path);
    if (count == 0) {
      return absl::DataLossError(absl::StrCat(core::SanitizeText(path), " ends at ",
                                              offset + static_cast<std::int64_t>(got), " bytes, where ", bytes.size(),
                                              " from ", offset, " on were to be read"));
    }
    got += static_cast<std::size_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::int64_t> SizeOf(const base::Descriptor& file, const std::string& path) {
  struct stat status;
  if (fstat(file.number(), &status) != 0) return ErrnoStatus("cannot look at", path);
  return status.st_size;
}

RunningSum::RunningSum() : state_(XXH3_createState()) { XXH3_128bits_reset(state_.get()); }

void RunningSum::Free::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

void RunningSum::Add(absl::string_view bytes) { XXH3_128bits_update(state_.get(), bytes.data(), bytes.size()); }

core::Sum128 RunningSum::Get() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
  return {hash.high64, hash.low64};
}

absl::Status AddFile(const base::Descriptor& file, std::int64_t bytes, const std::string& path,
                     const std::function<bool()>& stopping, RunningSum& sum) {
  std::string piece;
  for (std::int64_t at = 0; at < bytes; at += kPieceBytes) {
    if (stopping()) return absl::CancelledError("stopped while a copy's checksum was computed");
    piece.resize(static_cast<std::size_t>(std::min(kPieceBytes, bytes - at)));
    RETURN_IF_ERROR(ReadAt(file, at, piece, path));
    sum.Add(piece);
  }
  return absl::OkStatus();
}

absl::StatusOr<FileSum> SumFile(const base::Descriptor& file, const std::string& path,
                                const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(const std::int64_t bytes, SizeOf(file, path));
  RunningSum sum;
  RETURN_IF_ERROR(AddFile(file, bytes, path, stopping, sum));
  return FileSum{bytes, sum.Get()};
}

}  // namespace vecferry::sqlite
