#include "cli/postgres_programs.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/child_process.h"

namespace vecferry::cli {
namespace {

constexpr const char* kDebianFolder = "/usr/lib/postgresql";
constexpr int kMajorMin = 13;

std::string Output(const std::vector<std::string>& words) {
  const absl::StatusOr<ChildOutput> output = RunProgram(words, std::nullopt, "/");
  return output.ok() && output->exit_code == 0 ? std::string(absl::StripAsciiWhitespace(output->text)) : "";
}

bool Executable(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

std::string FindInPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const absl::string_view folder : absl::StrSplit(path == nullptr ? "" : path, ':', absl::SkipEmpty())) {
    std::string found = absl::StrCat(folder, "/", program);
    if (Executable(found)) return found;
  }
  return "";
}

std::vector<std::string> CandidateFolders() {
  std::vector<std::string> folders;
  const std::string pg_config = FindInPath("pg_config");
  if (!pg_config.empty()) folders.push_back(Output({pg_config, "--bindir"}));
  std::vector<int> majors;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(kDebianFolder, error)) {
    int major = 0;
    if (absl::SimpleAtoi(entry.path().filename().string(), &major)) majors.push_back(major);
  }
  std::sort(majors.begin(), majors.end(), std::greater<>());
  for (const int major : majors) folders.push_back(absl::StrCat(kDebianFolder, "/", major, "/bin"));
  const std::string postgres = FindInPath("postgres");
  if (!postgres.empty()) folders.push_back(std::filesystem::path(postgres).parent_path().string());
  return folders;
}

// 0 when the folder holds no whole server.
int MajorOf(const std::string& folder) {
  for (const char* program : {"initdb", "pg_ctl", "postgres"}) {
    if (!Executable(absl::StrCat(folder, "/", program))) return 0;
  }
  // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
  const std::vector<std::string> words = absl::StrSplit(Output({absl::StrCat(folder, "/postgres"), "--version"}), ' ');
  int major = 0;
  if (words.size() < 3 || !absl::SimpleAtoi(words[2].substr(0, words[2].find_first_not_of("0123456789")), &major)) {
    return 0;
  }
  return major;
}

bool HasVector(const std::string& folder, int major) {
  std::vector<std::string> shared = {absl::StrCat("/usr/share/postgresql/", major)};
  const std::string pg_config = absl::StrCat(folder, "/pg_config");
  if (Executable(pg_config)) shared.push_back(Output({pg_config, "--sharedir"}));
  return std::any_of(shared.begin(), shared.end(), [](const std::string& path) {
    return access(absl::StrCat(path, "/extension/vector.control").c_str(), R_OK) == 0;
  });
}

}  // namespace

absl::StatusOr<PostgresPrograms> FindPostgresPrograms(int major) {
  std::string without_vector;
  for (const std::string& folder : CandidateFolders()) {
    const int found = MajorOf(folder);
    if (found < kMajorMin || (major != 0 && found != major)) continue;
    if (HasVector(folder, found)) return PostgresPrograms{folder, found};
    without_vector = folder;
  }
  if (!without_vector.empty()) {
    return absl::NotFoundError(absl::StrCat("PostgreSQL in ", without_vector,
                                            " has no pgvector: install it (tools/setup does), or name another "
                                            "destination with --postgres-url"));
  }
  return absl::NotFoundError(
      absl::StrCat("no PostgreSQL ", major != 0 ? absl::StrCat(major) : absl::StrCat(kMajorMin, " or newer"),
                   " is installed here (looked at pg_config, ", kDebianFolder,
                   " and the PATH): install it (tools/setup does), or name another destination with --postgres-url"));
}

}  // namespace vecferry::cli
