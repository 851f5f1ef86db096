#include "common/sqlite/file_access.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cerrno>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/file_bytes.h"
#include "common/sqlite/sqlite_status.h"

namespace vecferry::sqlite {
namespace {

constexpr absl::string_view kMagic("SQLite format 3\0", 16);
constexpr std::size_t kHeaderBytes = 100, kBeginningBytes = 512;
constexpr std::size_t kCopyBytes = 1 << 20;

// Text, code and structured files use few byte values; what a cipher wrote has nearly all of them: 512 random bytes
// hold 221 of the 256 on average and fewer than 180 never in practice.
bool LooksRandom(absl::string_view bytes) {
  std::bitset<256> seen;
  for (const char byte : bytes) seen.set(static_cast<unsigned char>(byte));
  return bytes.size() == kBeginningBytes && seen.count() >= 180;
}

absl::Status CopyGivenUp() { return absl::CancelledError("stopped while the store's files were copied"); }

base::Descriptor OpenFile(const std::string& path, int flags) {
  return base::Descriptor(open(path.c_str(), flags | O_CLOEXEC, 0600));
}

}  // namespace

std::string ReadOnlyUri(const std::string& path, bool immutable) {
  std::string uri = "file:";
  // A path that begins with two slashes would be read as an authority.
  if (absl::string_view(path).substr(0, 2) == "//") uri += "//";
  for (const char c : path) {
    const bool plain =
        absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '.' || c == '_' || c == '-';
    if (plain) {
      uri.push_back(c);
    } else {
      absl::StrAppendFormat(&uri, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return absl::StrCat(uri, "?mode=ro", immutable ? "&immutable=1" : "");
}

absl::Status CheckRegularFile(const std::string& path) {
  const std::string name = core::SanitizeText(path);
  if (path.find('\0') != std::string::npos)
    return absl::InvalidArgumentError(absl::StrCat(name, ": a NUL in the path"));
  struct stat status;
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(absl::StrCat("no such file: ", name));
    return ErrnoStatus("cannot look at", path);
  }
  if (S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is a directory: name the SQLite file in it"));
  }
  if (!S_ISREG(status.st_mode)) return absl::InvalidArgumentError(absl::StrCat(name, " is no regular file"));
  if (access(path.c_str(), R_OK) != 0) return ErrnoStatus("cannot read", path);
  return absl::OkStatus();
}

bool FileHeader::HasMagic() const { return absl::string_view(bytes).substr(0, kMagic.size()) == kMagic; }

bool FileHeader::IsWal() const { return bytes.size() == kHeaderBytes && bytes[18] == 2 && bytes[19] == 2; }

std::uint32_t FileHeader::Number(int offset) const {
  if (bytes.size() < static_cast<std::size_t>(offset) + 4) return 0;
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return number;
}

std::int64_t FileHeader::PageBytes() const {
  const std::uint32_t stored = Number(16) >> 16;
  return stored == 1 ? 65536 : stored;
}

std::int64_t FileHeader::PromisedPages() const { return Number(24) == Number(92) ? Number(28) : 0; }

absl::StatusOr<FileHeader> ReadFileHeader(sqlite3* database) {
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  FileHeader header;
  sqlite3_int64 size = 0;
  if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, &size);
  if (code != SQLITE_OK) return ToStatus(database, code, "reading the file's header");
  header.file_bytes = size;
  header.beginning.resize(std::min<std::int64_t>(size, kBeginningBytes));
  if (size > 0)
    code = file->pMethods->xRead(file, header.beginning.data(), static_cast<int>(header.beginning.size()), 0);
  if (code != SQLITE_OK) return ToStatus(database, code, "reading the file's header");
  header.bytes = header.beginning.substr(0, kHeaderBytes);
  return header;
}

bool IsBeingWritten(sqlite3* database) {
  sqlite3_file* file = nullptr;
  int reserved = 0;
  return sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK &&
         file->pMethods->xCheckReservedLock(file, &reserved) == SQLITE_OK && reserved != 0;
}

std::int64_t FileBytes(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? status.st_size : 0;
}

std::optional<absl::Time> WriteTime(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return absl::TimeFromTimespec(status.st_mtim);
}

absl::Status ExplainHeader(const FileHeader& header, const std::string& path) {
  const std::string name = core::SanitizeText(path);
  if (header.file_bytes == 0) return absl::OkStatus();
  if (!header.HasMagic()) {
    if (header.file_bytes % 512 == 0 && LooksRandom(header.beginning)) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, " is not a readable SQLite database; it may be encrypted (SQLCipher): decrypt a copy first"));
    }
    return absl::InvalidArgumentError(absl::StrCat(name, " is not a SQLite database"));
  }
  if (header.bytes.size() < kHeaderBytes) {
    return absl::DataLossError(absl::StrCat(name, " is truncated: only ", header.file_bytes, " bytes are left"));
  }
  const std::int64_t pages = header.PromisedPages(), page_bytes = header.PageBytes();
  if (page_bytes > 0 && pages * page_bytes > header.file_bytes) {
    return absl::DataLossError(absl::StrCat(name, " is truncated: its header promises ", pages * page_bytes, " bytes, ",
                                            header.file_bytes, " are there"));
  }
  return absl::OkStatus();
}

absl::Status CopyDatabaseFile(const std::string& from, const std::string& to, const std::function<bool()>& stopping) {
  sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
  std::string full(static_cast<std::size_t>(vfs->mxPathname) + 1, '\0');
  if (vfs->xFullPathname(vfs, from.c_str(), vfs->mxPathname + 1, full.data()) >= SQLITE_IOERR) {
    return absl::InvalidArgumentError(absl::StrCat("cannot resolve ", core::SanitizeText(from)));
  }
  char* name = const_cast<char*>(sqlite3_create_filename(full.c_str(), "", "", 0, nullptr));
  const auto free_name = absl::MakeCleanup([&] { sqlite3_free_filename(name); });
  std::vector<std::max_align_t> memory(static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* file = reinterpret_cast<sqlite3_file*>(memory.data());
  file->pMethods = nullptr;
  int flags = 0;
  int code = vfs->xOpen(vfs, name, file, SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_READONLY, &flags);
  const auto close_file = absl::MakeCleanup([&] {
    if (file->pMethods != nullptr) file->pMethods->xClose(file);
  });
  sqlite3_int64 size = 0;
  if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, &size);
  const base::Descriptor copy = OpenFile(to, O_WRONLY | O_TRUNC);
  if (!copy.is_open()) return ErrnoStatus("cannot write", to);
  std::string buffer;
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += static_cast<sqlite3_int64>(buffer.size())) {
    if (stopping()) return CopyGivenUp();
    buffer.resize(std::min<sqlite3_int64>(size - at, kCopyBytes));
    code = file->pMethods->xRead(file, buffer.data(), static_cast<int>(buffer.size()), at);
    if (code == SQLITE_OK) RETURN_IF_ERROR(WriteAll(copy, buffer, to));
  }
  // A file that became shorter under us is no damage: the caller sees that it changed and copies again.
  if (code == SQLITE_IOERR_SHORT_READ) return absl::OkStatus();
  if (code != SQLITE_OK) return ToStatus(nullptr, code, absl::StrCat("copying ", core::SanitizeText(from)));
  return absl::OkStatus();
}

absl::Status CopySidecar(const std::string& from, const std::string& to, const std::function<bool()>& stopping) {
  const base::Descriptor source = OpenFile(from, O_RDONLY);
  if (!source.is_open()) return errno == ENOENT ? absl::OkStatus() : ErrnoStatus("cannot read", from);
  const base::Descriptor copy = OpenFile(to, O_WRONLY | O_CREAT | O_TRUNC);
  if (!copy.is_open()) return ErrnoStatus("cannot write", to);
  std::string buffer(kCopyBytes, '\0');
  while (!stopping()) {
    const ssize_t count = read(source.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoStatus("cannot read", from);
    if (count == 0) return absl::OkStatus();
    RETURN_IF_ERROR(WriteAll(copy, absl::string_view(buffer.data(), static_cast<std::size_t>(count)), to));
  }
  return CopyGivenUp();
}

}  // namespace vecferry::sqlite
