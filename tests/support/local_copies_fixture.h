#ifndef VECFERRY_TESTS_SUPPORT_LOCAL_COPIES_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_LOCAL_COPIES_FIXTURE_H_

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/source/local_copies.h"
#include "tests/support/file_source.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

// A scratch folder of workers, and a coordinator in memory that has one copy.
namespace vecferry::source {

using ::vecferry::testing::FileSource;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

inline constexpr char kId[] = "01234567-89ab-4cde-8f01-23456789abcd";
inline constexpr std::uint64_t kMiB = 1 << 20;
inline constexpr int kRows = 1000;

inline bool Never() { return false; }

inline std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A store of some 5.3 MiB.
inline std::string StoreBytes() {
  SqliteFile file;
  file.Run(
      absl::StrCat("CREATE TABLE a(n, filler);"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
                   kRows, ") INSERT INTO a SELECT i, printf('%05000d', i) FROM n"));
  file.Close();
  return Read(file.path());
}

class LocalCopiesTest : public ::testing::Test {
 protected:
  LocalCopiesTest() {
    std::string pattern = (fs::temp_directory_path() / "vecferry-copies-XXXXXX").string();
    scratch_ = mkdtemp(pattern.data());
    options_.pause = options_.pause_max = absl::Milliseconds(1);
  }
  ~LocalCopiesTest() override { fs::remove_all(scratch_); }

  absl::StatusOr<std::shared_ptr<sqlite::SnapshotConnection>> Open(const std::function<bool()>& stopping = Never) {
    return LocalCopies(scratch_, options_).Open(kId, source_, stopping);
  }
  void ExpectTheStore() {
    const auto connection = Open();
    ASSERT_THAT(connection, IsOk());
    EXPECT_EQ((*connection)->Take()->QueryValue("SELECT sum(n) FROM a")->integer, kRows * (kRows + 1) / 2);
    EXPECT_TRUE(Read(fetched_path()) == bytes_) << "it must be the coordinator's copy, byte by byte";
    EXPECT_EQ(Names(), std::set<std::string>{fs::path(fetched_path()).filename()});
  }
  void WritePart(const std::string& bytes) { std::ofstream(part_path(), std::ios::binary) << bytes; }
  std::string fetched_path() const { return absl::StrCat(scratch_, "/vecferry-fetched-", kId, ".db"); }
  std::string part_path() const { return absl::StrCat(fetched_path(), ".part"); }
  std::set<std::string> Names() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(scratch_)) names.insert(entry.path().filename().string());
    return names;
  }

  std::string scratch_;
  const std::string bytes_ = StoreBytes();
  FileSource source_{bytes_};
  FetchOptions options_;
};

}  // namespace vecferry::source

#endif  // VECFERRY_TESTS_SUPPORT_LOCAL_COPIES_FIXTURE_H_
