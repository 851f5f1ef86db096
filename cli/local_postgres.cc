#include "cli/local_postgres.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "cli/account_files.h"
#include "cli/file_lock.h"
#include "common/base/status_macros.h"
#include "common/postgres/connection.h"

namespace vecferry::cli {
namespace {

namespace fs = std::filesystem;

// sockaddr_un holds 107 bytes; ours ends with "/.s.PGSQL.5432.lock" while the server starts.
constexpr std::size_t kSocketFolderBytesMax = 107 - 19;
constexpr absl::Duration kLeftoverPatience = absl::Seconds(20);
constexpr absl::Duration kLockPatience = absl::Seconds(120);  // another process may be making the data folder

// FNV-1a, for a short name that differs by folder.
std::uint64_t HashOf(absl::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  return hash;
}

std::string PercentEncode(absl::string_view text) {
  std::string encoded;
  for (const char byte : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(byte)) || absl::StrContains("/._-", byte)) {
      encoded.push_back(byte);
    } else {
      absl::StrAppend(&encoded, absl::StrFormat("%%%02X", static_cast<unsigned char>(byte)));
    }
  }
  return encoded;
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string LastLine(absl::string_view text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipWhitespace());
  return lines.empty() ? "no message" : lines.back();
}

// The last line of the server's log that tells why.
std::string FailureLine(absl::string_view text) {
  std::string found;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StrContains(line, "FATAL:") || absl::StrContains(line, "ERROR:")) found = std::string(line);
  }
  return found.empty() ? LastLine(text) : found;
}

}  // namespace

absl::StatusOr<LocalPostgres> LocalPostgres::Locate() {
  LocalPostgres local;
  const char* own = std::getenv("VECFERRY_HOME");
  const char* xdg = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  if (own != nullptr && *own != '\0') {
    local.base_ = fs::absolute(own).string();
  } else if (geteuid() == 0) {
    local.base_ = "/var/lib/vecferry";  // /root is closed to the server's account
  } else if (xdg != nullptr && *xdg == '/') {
    local.base_ = absl::StrCat(xdg, "/vecferry");
  } else if (home != nullptr && *home == '/') {
    local.base_ = absl::StrCat(home, "/.local/share/vecferry");
  } else {
    return absl::FailedPreconditionError(
        "the private Postgres has no place: set HOME or VECFERRY_HOME, or name a destination with --postgres-url");
  }
  local.folder_ = absl::StrCat(local.base_, "/postgres");
  local.socket_folder_ = absl::StrCat(local.folder_, "/run");
  if (local.socket_folder_.size() > kSocketFolderBytesMax) {
    local.socket_folder_ = absl::StrFormat("/tmp/vecferry-%d-%x", geteuid(), HashOf(local.folder_));
  }
  if (geteuid() != 0) return local;
  for (const char* name : {"postgres", "nobody"}) {
    const passwd* const entry = getpwnam(name);
    if (entry == nullptr) continue;
    local.account_ = Account{name, entry->pw_uid, entry->pw_gid};
    return local;
  }
  return absl::FailedPreconditionError(
      "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` here: make one");
}

std::string LocalPostgres::data_folder() const { return absl::StrCat(folder_, "/data"); }
std::string LocalPostgres::log_path() const { return absl::StrCat(folder_, "/server.log"); }
std::string LocalPostgres::url() const { return UrlOf("vecferry"); }
bool LocalPostgres::exists() const { return fs::exists(absl::StrCat(data_folder(), "/PG_VERSION")); }

std::string LocalPostgres::UrlOf(const std::string& database) const {
  return absl::StrCat("postgresql://vecferry@/", database, "?host=", PercentEncode(socket_folder_));
}

bool LocalPostgres::Running() const { return postgres::Connection::Open({.conninfo = UrlOf("postgres")}).ok(); }

int LocalPostgres::server_pid() const {
  int pid = 0;
  const std::string text = ReadText(absl::StrCat(data_folder(), "/postmaster.pid"));
  if (!absl::SimpleAtoi(text.substr(0, text.find('\n')), &pid) || pid <= 0) return 0;
  // After a reboot another program may have the number. A server's working folder is its data folder.
  std::error_code error;
  const fs::path working = fs::read_symlink(absl::StrCat("/proc/", pid, "/cwd"), error);
  return !error && working == fs::canonical(data_folder(), error) ? pid : 0;
}

absl::StatusOr<PostgresPrograms> LocalPostgres::Programs() const {
  int major = 0;
  if (exists() && !absl::SimpleAtoi(ReadText(absl::StrCat(data_folder(), "/PG_VERSION")), &major)) {
    return absl::DataLossError(absl::StrCat(data_folder(), "/PG_VERSION holds no version"));
  }
  return FindPostgresPrograms(major);
}

absl::Status LocalPostgres::Start() {
  RETURN_IF_ERROR(MakeFolders());
  ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(absl::StrCat(folder_, "/lock"), kLockPatience));
  ASSIGN_OR_RETURN(const PostgresPrograms programs, Programs());
  if (!exists()) RETURN_IF_ERROR(MakeData(programs));
  if (!Running()) RETURN_IF_ERROR(StartServer(programs));
  return MakeDatabase();
}

absl::Status LocalPostgres::Stop() {
  if (!exists()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(absl::StrCat(folder_, "/lock"), kLockPatience));
  return StopServer();
}

absl::Status LocalPostgres::Remove() {
  if (!fs::exists(folder_)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(absl::StrCat(folder_, "/lock"), kLockPatience));
  RETURN_IF_ERROR(StopServer());
  std::error_code error;
  fs::remove_all(socket_folder_, error);
  fs::remove_all(folder_, error);
  if (error) return absl::InternalError(absl::StrCat("cannot remove ", folder_, ": ", error.message()));
  return absl::OkStatus();
}

absl::Status LocalPostgres::MakeFolders() const {
  std::error_code error;
  fs::create_directories(base_, error);
  if (!error && !fs::is_directory(base_, error)) error = std::make_error_code(std::errc::not_a_directory);
  if (error) {
    return absl::PermissionDeniedError(
        absl::StrCat("cannot make the folder ", base_, ": ", error.message(),
                     " (VECFERRY_HOME names another; --postgres-url a server of yours)"));
  }
  RETURN_IF_ERROR(MakeFolder(folder_, account_));
  return MakeFolder(socket_folder_, account_);
}

absl::Status LocalPostgres::MakeData(const PostgresPrograms& programs) const {
  // Made beside and renamed: what a killed initdb left is not taken for a data folder.
  const std::string fresh = absl::StrCat(folder_, "/data.new");
  std::error_code error;
  fs::remove_all(fresh, error);
  ASSIGN_OR_RETURN(const ChildOutput output,
                   RunProgram({absl::StrCat(programs.folder, "/initdb"), absl::StrCat("--pgdata=", fresh),
                               "--username=vecferry", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"},
                              account_, folder_));
  if (output.exit_code != 0) {
    return absl::InternalError(
        absl::StrCat("initdb of the private Postgres failed in ", folder_, ": ", LastLine(output.text)));
  }
  RETURN_IF_ERROR(WriteFile(absl::StrCat(fresh, "/pg_hba.conf"),
                            "# The socket's folder lets nobody in but the server's own account and root.\n"
                            "local all all trust\n",
                            account_));
  RETURN_IF_ERROR(WriteFile(absl::StrCat(fresh, "/vecferry.conf"), "", account_));
  RETURN_IF_ERROR(WriteFile(
      absl::StrCat(fresh, "/postgresql.conf"),
      absl::StrCat(ReadText(absl::StrCat(fresh, "/postgresql.conf")), "\ninclude 'vecferry.conf'\n"), account_));
  if (rename(fresh.c_str(), data_folder().c_str()) != 0) return SystemError("cannot make", data_folder());
  return absl::OkStatus();
}

absl::Status LocalPostgres::WriteSettings(const PostgresPrograms& programs) const {
  const std::int64_t memory = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  struct statvfs shared {};
  struct stat folder {};
  // Containers and chroots may have none, a small one, or one that only root may write.
  const bool small =
      stat("/dev/shm", &folder) != 0 || (folder.st_mode & S_IWOTH) == 0 || statvfs("/dev/shm", &shared) != 0 ||
      static_cast<std::int64_t>(shared.f_bavail) * static_cast<std::int64_t>(shared.f_frsize) < memory / 4;
  // A server built without lz4 refuses the setting, and would not start.
  const absl::StatusOr<ChildOutput> lz4 = RunProgram({absl::StrCat(programs.folder, "/postgres"), "-D", data_folder(),
                                                      "-c", "wal_compression=lz4", "-C", "wal_compression"},
                                                     account_, folder_);
  const bool has_lz4 = lz4.ok() && lz4->exit_code == 0;
  return WriteFile(absl::StrCat(data_folder(), "/vecferry.conf"),
                   ServerSettings(memory, socket_folder_, small, has_lz4), account_);
}

absl::Status LocalPostgres::StartServer(const PostgresPrograms& programs) const {
  // The sessions of a server that was killed notice it within moments, and hold its memory until then.
  for (const absl::Time end = absl::Now() + kLeftoverPatience;
       server_pid() == 0 && AnyProcessWorksIn(data_folder()) && absl::Now() < end;) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  RemoveStaleLocks();
  RETURN_IF_ERROR(WriteSettings(programs));
  ASSIGN_OR_RETURN(const ChildOutput output,
                   RunProgram({absl::StrCat(programs.folder, "/pg_ctl"), "start", "--wait", "--timeout=60", "--silent",
                               absl::StrCat("--pgdata=", data_folder()), absl::StrCat("--log=", log_path())},
                              account_, folder_));
  if (output.exit_code == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the private Postgres did not start: ", FailureLine(ReadText(log_path())),
                                             " (all of it: ", log_path(), ")"));
}

absl::Status LocalPostgres::StopServer() const {
  const int pid = server_pid();
  if (pid == 0) return absl::OkStatus();
  // SIGINT is PostgreSQL's fast shutdown: sessions end, nothing is lost.
  if (kill(pid, SIGINT) != 0 && errno != ESRCH) return SystemError("cannot stop process", absl::StrCat(pid));
  for (const absl::Time end = absl::Now() + absl::Seconds(60); absl::Now() < end;) {
    if (server_pid() == 0) return absl::OkStatus();
    absl::SleepFor(absl::Milliseconds(20));
  }
  return absl::DeadlineExceededError(
      absl::StrCat("the private Postgres (process ", pid, ") did not stop within 60 s; see ", log_path()));
}

absl::Status LocalPostgres::MakeDatabase() const {
  ASSIGN_OR_RETURN(postgres::Connection first, postgres::Connection::Open({.conninfo = UrlOf("postgres")}));
  ASSIGN_OR_RETURN(const postgres::Result found, first.Execute("SELECT 1 FROM pg_database WHERE datname = 'vecferry'"));
  if (found.rows() == 0) RETURN_IF_ERROR(first.Execute("CREATE DATABASE vecferry").status());
  ASSIGN_OR_RETURN(postgres::Connection session, postgres::Connection::Open({.conninfo = url()}));
  return session.Execute("CREATE EXTENSION IF NOT EXISTS vector").status();
}

void LocalPostgres::RemoveStaleLocks() const {
  // PostgreSQL sees by itself that the process is gone, but not that its number is another program's now, or that
  // of a dead process which nobody waits for (a container without init). While any process of the old server lives the
  // files must stay: by them a new server knows that the memory is still in use.
  if (AnyProcessWorksIn(data_folder())) return;
  unlink(absl::StrCat(data_folder(), "/postmaster.pid").c_str());
  unlink(absl::StrCat(socket_folder_, "/.s.PGSQL.5432.lock").c_str());
}

}  // namespace vecferry::cli
