// Opening a store is given up when it is told to, wherever it is, and leaves nothing behind.
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/snapshot.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::sqlite {
namespace {

using ::testing::HasSubstr;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

class StopTest : public ::testing::Test {
 protected:
  StopTest() {
    file_.Run("CREATE TABLE a(n); INSERT INTO a VALUES (zeroblob(40000000))");
    file_.Close();
    fs::create_directory(scratch_);
  }

  absl::Status Open(SnapshotMode mode, const std::function<bool()>& stopping) {
    SnapshotOptions options{.mode = mode, .scratch_dir = scratch_, .stopping = stopping};
    return Snapshot::Open(file_.path(), 2, options).status();
  }

  SqliteFile file_;
  const std::string scratch_ = absl::StrCat(fs::path(file_.path()).parent_path().string(), "/scratch");
};

TEST_F(StopTest, GivesTheFirstCopyUp) {
  int asked = 0;
  EXPECT_THAT(Open(SnapshotMode::kCopy, [&] { return ++asked == 2; }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("copied")));
  EXPECT_EQ(asked, 2) << "a copy takes more than one step";
  EXPECT_TRUE(fs::is_empty(scratch_));
}

TEST_F(StopTest, GivesTheCheckOfThePagesUp) {
  EXPECT_THAT(Open(SnapshotMode::kDirect, [] { return true; }),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("checked")));
}

TEST_F(StopTest, GivesACopyOfTheFilesUp) {
  const std::string copy = absl::StrCat(scratch_, "/copy");
  file_.Run(absl::StrCat("VACUUM INTO '", copy, "'"));
  for (const auto& copy_file : {CopyDatabaseFile, CopySidecar}) {
    int asked = 0;
    EXPECT_THAT(copy_file(file_.path(), copy, [&] { return ++asked == 3; }),
                StatusIs(absl::StatusCode::kCancelled, HasSubstr("copied")));
    EXPECT_EQ(fs::file_size(copy), 2u << 20);
  }
}

}  // namespace
}  // namespace vecferry::sqlite
