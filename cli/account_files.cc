#include "cli/account_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"

namespace vecferry::cli {

namespace fs = std::filesystem;

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::Status MakeFolder(const std::string& path, const std::optional<Account>& account) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return SystemError("cannot make the folder", path);
  struct stat found {};
  if (lstat(path.c_str(), &found) != 0) return SystemError("cannot look at", path);
  const uid_t owner = account.has_value() ? account->user : geteuid();
  if (S_ISDIR(found.st_mode) && found.st_uid == geteuid() && owner != geteuid()) {
    if (chown(path.c_str(), account->user, account->group) != 0) return SystemError("cannot give away", path);
  } else if (!S_ISDIR(found.st_mode) || found.st_uid != owner) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is no folder of the account that the private Postgres runs under: move it away"));
  }
  if (chmod(path.c_str(), 0700) != 0) return SystemError("cannot protect", path);
  return absl::OkStatus();
}

absl::Status WriteFile(const std::string& path, const std::string& text, const std::optional<Account>& account) {
  const std::string fresh = absl::StrCat(path, ".new");
  unlink(fresh.c_str());
  const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return SystemError("cannot write", fresh);
  bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (account.has_value()) written = written && fchown(file, account->user, account->group) == 0;
  written = fsync(file) == 0 && written;
  close(file);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) return SystemError("cannot write", path);
  return absl::OkStatus();
}

bool AnyProcessWorksIn(const std::string& folder) {
  std::error_code error;
  const fs::path wanted = fs::canonical(folder, error);
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const fs::path working = fs::read_symlink(entry.path() / "cwd", error);
    if (!error && working == wanted) return true;
  }
  return false;
}

}  // namespace vecferry::cli
