#include "cli/report_file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace vecferry::cli {
namespace {

absl::Status FileError(absl::string_view flag, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(flag, ": cannot write '", path, "'"));
}

// A device, a pipe, a socket, or a link to one: what others hold open, and what a renamed file would take the place of.
bool IsDevice(const std::string& path) {
  struct stat found {};
  return stat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

absl::Status WriteInto(absl::string_view flag, const std::string& path, const std::string& text) {
  FILE* const file = fopen(path.c_str(), "we");
  if (file == nullptr) return FileError(flag, path);
  bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
  written = fclose(file) == 0 && written;
  return written ? absl::OkStatus() : FileError(flag, path);
}

}  // namespace

absl::Status CheckWritable(absl::string_view flag, const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    errno = EISDIR;
    return FileError(flag, path);
  }
  if (IsDevice(path)) return access(path.c_str(), W_OK) == 0 ? absl::OkStatus() : FileError(flag, path);
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (access(folder.c_str(), W_OK | X_OK) != 0) return FileError(flag, path);
  return absl::OkStatus();
}

absl::Status WriteBeside(absl::string_view flag, const std::string& path, const std::string& text) {
  if (IsDevice(path)) return WriteInto(flag, path, text);
  const std::string beside = absl::StrCat(path, ".", getpid(), ".new");
  FILE* const file = fopen(beside.c_str(), "we");
  if (file == nullptr) return FileError(flag, beside);
  bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
  written = fflush(file) == 0 && written;
  written = fsync(fileno(file)) == 0 && written;
  written = fclose(file) == 0 && written;
  if (!written || rename(beside.c_str(), path.c_str()) != 0) {
    absl::Status status = FileError(flag, path);
    unlink(beside.c_str());
    return status;
  }
  return absl::OkStatus();
}

std::string DigestPath(const std::string& path) { return path + ".sha256"; }

std::string DigestLine(const std::string& path, absl::string_view text) {
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string escaped = absl::StrReplaceAll(name, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\r", "\\r"}});
  // A leading backslash tells sha256sum that the name is escaped.
  return absl::StrCat(escaped == name ? "" : "\\", base::Sha256Hex(text), "  ", escaped, "\n");
}

absl::Status WriteWithDigest(absl::string_view flag, const std::string& path, const std::string& text) {
  RETURN_IF_ERROR(WriteBeside(flag, path, text));
  // Its name would be one among the devices.
  if (IsDevice(path)) return absl::OkStatus();
  return WriteBeside(flag, DigestPath(path), DigestLine(path, text));
}

absl::Status CheckWritableWithDigest(absl::string_view flag, const std::string& path) {
  RETURN_IF_ERROR(CheckWritable(flag, path));
  return IsDevice(path) ? absl::OkStatus() : CheckWritable(flag, DigestPath(path));
}

}  // namespace vecferry::cli
