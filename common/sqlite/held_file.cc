#include "common/sqlite/held_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/core/migration.h"
#include "common/sqlite/file_bytes.h"

namespace vecferry::sqlite {

absl::StatusOr<base::Descriptor> Hold(const std::string& path) {
  base::Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) return ErrnoStatus("cannot open", path);
  const bool locked = flock(file.number(), LOCK_SH | LOCK_NB) == 0;
  if (!locked && errno != EWOULDBLOCK) return ErrnoStatus("cannot lock", path);
  if (!locked) return absl::UnavailableError(absl::StrCat(core::SanitizeText(path), " is locked by another process"));
  if (!IsNamed(file, path)) return absl::NotFoundError(absl::StrCat(core::SanitizeText(path), " was removed"));
  return file;
}

bool IsNamed(const base::Descriptor& file, const std::string& path) {
  struct stat opened, named;
  return fstat(file.number(), &opened) == 0 && lstat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

bool RemoveWithSidecars(const std::string& path) {
  for (const char* sidecar : {"-wal", "-shm", "-journal", kSealSuffix}) unlink(absl::StrCat(path, sidecar).c_str());
  return unlink(path.c_str()) == 0 || errno == ENOENT;
}

namespace {

// A name may go to another file meanwhile, which somebody may hold.
bool TakeAlone(const base::Descriptor& file, const std::string& path) {
  return flock(file.number(), LOCK_EX | LOCK_NB) == 0 && IsNamed(file, path);
}

}  // namespace

bool RemoveUnheld(const std::string& path) {
  const base::Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file.is_open()) return errno == ENOENT;
  return TakeAlone(file, path) && RemoveWithSidecars(path);
}

bool IsUnheld(const std::string& path) {
  const base::Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return file.is_open() && TakeAlone(file, path);
}

void ForEachFile(const std::string& folder, absl::string_view prefix, absl::string_view suffix,
                 const std::function<void(const std::string& path, const std::string& between)>& on_file) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.size() < prefix.size() + suffix.size()) continue;
    if (!absl::StartsWith(name, prefix) || !absl::EndsWith(name, suffix)) continue;
    on_file(at->path().string(), name.substr(prefix.size(), name.size() - prefix.size() - suffix.size()));
  }
}

}  // namespace vecferry::sqlite
