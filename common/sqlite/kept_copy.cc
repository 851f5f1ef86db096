#include "common/sqlite/kept_copy.h"

#include <fcntl.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/held_file.h"
#include "common/sqlite/opened_store.h"
#include "common/sqlite/scratch_file.h"
#include "common/sqlite/structure.h"

namespace vecferry::sqlite {
namespace {

constexpr char kPrefix[] = "vecferry-source-";
constexpr char kSuffix[] = ".db";
constexpr std::size_t kIdBytes = 36, kSumBytes = 16;
constexpr std::int64_t kSealBytesMax = 4096;  // a fingerprint has some 150

std::string NewId() {
  uuid_t id;
  uuid_generate_random(id);
  std::string text(kIdBytes + 1, '\0');
  uuid_unparse_lower(id, text.data());
  text.pop_back();
  return text;
}

std::string SealPath(const std::string& path) { return absl::StrCat(path, kSealSuffix); }

// "BYTES XXH3-128 FINGERPRINT\n". Written after the copy has its name and removed before it: no seal is left without
// its copy, and a copy without one is a leftover.
absl::Status WriteSeal(const KeptCopy& copy) {
  const std::string path = SealPath(copy.path);
  const base::Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) return ErrnoStatus("cannot make", path);
  return WriteAll(
      file,
      absl::StrCat(copy.sum.bytes, " ", absl::BytesToHexString(copy.sum.xxh3.ToBytes()), " ", copy.fingerprint, "\n"),
      path);
}

absl::Status ReadSeal(KeptCopy& copy) {
  const std::string path = SealPath(copy.path);
  const base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) return ErrnoStatus("cannot open", path);
  ASSIGN_OR_RETURN(const std::int64_t bytes, SizeOf(file, path));
  std::string text(static_cast<std::size_t>(std::min(bytes, kSealBytesMax)), '\0');
  RETURN_IF_ERROR(ReadAt(file, 0, text, path));
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits(' ', 2));
  if (parts.size() != 3 || parts[1].size() != 2 * kSumBytes || parts[2].empty() || parts[2].back() != '\n' ||
      !absl::SimpleAtoi(parts[0], &copy.sum.bytes)) {
    return absl::NotFoundError(absl::StrCat(core::SanitizeText(path), " is no whole seal"));
  }
  ASSIGN_OR_RETURN(copy.sum.xxh3, core::Sum128::FromBytes(absl::HexStringToBytes(parts[1])));
  copy.fingerprint = parts[2].substr(0, parts[2].size() - 1);
  return absl::OkStatus();
}

// The copy while it has a scratch file's name: damage of the store is told before anybody else sees it.
absl::StatusOr<CopiedStore> MakeChecked(const std::string& path, const std::string& scratch_dir,
                                        const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(const Way way, ChooseWay(path, SnapshotMode::kCopy));
  ASSIGN_OR_RETURN(CopiedStore copied, CopyStore(way, path, scratch_dir, stopping));
  ASSIGN_OR_RETURN(Database database, Database::Open(copied.file->path(), /*immutable=*/true));
  SnapshotConnection connection(std::move(database));
  RETURN_IF_ERROR(CheckStructure(connection, path, stopping));
  return copied;
}

}  // namespace

absl::StatusOr<KeptCopy> MakeKeptCopy(const std::string& path, const std::string& scratch_dir,
                                      const std::function<bool()>& stopping) {
  ASSIGN_OR_RETURN(CopiedStore copied, MakeChecked(path, scratch_dir, stopping));
  KeptCopy copy{.id = NewId(), .fingerprint = std::move(copied.fingerprint)};
  copy.path = KeptCopyPath(scratch_dir, copy.id);
  ASSIGN_OR_RETURN(copy.hold, copied.file->Keep(copy.path));
  absl::StatusOr<FileSum> sum = SumFile(copy.hold, copy.path, stopping);
  absl::Status sealed = sum.status();
  if (sum.ok()) {
    copy.sum = *sum;
    sealed = WriteSeal(copy);
  }
  if (sealed.ok()) return copy;
  RemoveWithSidecars(copy.path);
  return absl::IsResourceExhausted(sealed) ? NoRoomError(scratch_dir, copy.sum.bytes) : sealed;
}

absl::StatusOr<KeptCopy> FindKeptCopy(const std::string& scratch_dir, absl::string_view id,
                                      const std::function<bool()>& stopping) {
  if (!IsCopyId(id)) return absl::InvalidArgumentError(absl::StrCat(core::SanitizeText(id), " is no id of a copy"));
  KeptCopy copy{.id = std::string(id), .path = KeptCopyPath(scratch_dir, id)};
  ASSIGN_OR_RETURN(copy.hold, Hold(copy.path));
  RETURN_IF_ERROR(ReadSeal(copy));
  ASSIGN_OR_RETURN(const FileSum sum, SumFile(copy.hold, copy.path, stopping));
  if (sum == copy.sum) return copy;
  return absl::DataLossError(absl::StrCat(core::SanitizeText(copy.path), " is not as it was made: ",
                                          sum.bytes == copy.sum.bytes
                                              ? "its checksum differs"
                                              : absl::StrCat("it has ", sum.bytes, " of ", copy.sum.bytes, " bytes")));
}

absl::StatusOr<std::shared_ptr<SnapshotConnection>> ConnectToCopy(const std::string& path) {
  struct Held {
    base::Descriptor hold;
    SnapshotConnection connection;
  };
  ASSIGN_OR_RETURN(base::Descriptor hold, Hold(path));
  ASSIGN_OR_RETURN(Database database, Database::Open(path, /*immutable=*/true));
  // Shared, for what the connection needs goes with it.
  const std::shared_ptr<Held> held(new Held{std::move(hold), SnapshotConnection(std::move(database))});
  return std::shared_ptr<SnapshotConnection>(held, &held->connection);
}

bool IsCopyId(absl::string_view id) {
  return id.size() == kIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
           return c == '-' || absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
         });
}

std::string KeptCopyPath(const std::string& scratch_dir, absl::string_view id) {
  return absl::StrCat(ScratchFolder(scratch_dir), "/", kPrefix, id, kSuffix);
}

bool RemoveKeptCopy(const std::string& scratch_dir, absl::string_view id) {
  return IsCopyId(id) && RemoveUnheld(KeptCopyPath(scratch_dir, id));
}

std::set<std::string> UnheldCopiesBut(const std::string& scratch_dir, const std::set<std::string>& ids) {
  std::set<std::string> unheld;
  ForEachFile(ScratchFolder(scratch_dir), kPrefix, kSuffix, [&](const std::string& path, const std::string& id) {
    if (IsCopyId(id) && ids.count(id) == 0 && IsUnheld(path)) unheld.insert(id);
  });
  return unheld;
}

}  // namespace vecferry::sqlite
