#include "tests/support/sqlite_file.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace vecferry::testing {
namespace {

[[noreturn]] void Die(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "SqliteFile: %s: %s\n", what.c_str(), why.c_str());
  std::abort();
}

}  // namespace

SqliteFile::SqliteFile() {
  std::string pattern = (std::filesystem::temp_directory_path() / "vecferry-sqlite-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) Die(pattern, std::strerror(errno));
  folder_ = pattern;
  path_ = folder_ + "/store.db";
}

SqliteFile::~SqliteFile() {
  Close();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

sqlite3* SqliteFile::Open() {
  if (database_ != nullptr) return database_;
  if (sqlite3_open(path_.c_str(), &database_) != SQLITE_OK) Die(path_, sqlite3_errmsg(database_));
  // No test loses power.
  Run("PRAGMA synchronous = OFF");
  return database_;
}

void SqliteFile::Close() {
  sqlite3_close(database_);
  database_ = nullptr;
}

void SqliteFile::Run(const std::string& sql) {
  if (sqlite3_exec(Open(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) Die(sql, sqlite3_errmsg(database_));
}

std::vector<std::string> SqliteFile::Query(const std::string& sql) {
  std::vector<std::string> rows;
  const auto take = [](void* out, int, char** fields, char**) {
    static_cast<std::vector<std::string>*>(out)->emplace_back(fields[0] == nullptr ? "NULL" : fields[0]);
    return 0;
  };
  if (sqlite3_exec(Open(), sql.c_str(), take, &rows, nullptr) != SQLITE_OK) Die(sql, sqlite3_errmsg(database_));
  return rows;
}

std::string VectorLiteral(const std::vector<float>& components) {
  const absl::string_view bytes(reinterpret_cast<const char*>(components.data()), components.size() * sizeof(float));
  return absl::StrCat("x'", absl::BytesToHexString(bytes), "'");
}

}  // namespace vecferry::testing
