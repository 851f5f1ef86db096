// Sources by copy, as the coordinator has them.
#include "coordinator/copied_sources.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/full_disk.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::coordinator {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::vecferry::testing::FullDisk;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

bool Never() { return false; }

std::int64_t Rows(Source& source) {
  const auto rows = source.connection().Take()->QueryValue("SELECT count(*) FROM a");
  EXPECT_THAT(rows, IsOk());
  return rows.ok() ? rows->integer : -1;
}

class CopiedSourcesTest : public ::testing::Test {
 protected:
  CopiedSourcesTest() {
    fs::create_directory(scratch_);
    store_.Run("PRAGMA journal_mode = WAL; CREATE TABLE a(n); INSERT INTO a VALUES (1)");
    sources_ = MakeCopiedSources(scratch_);
  }
  std::shared_ptr<Source> Open(const std::string& snapshot = "") {
    auto source = sources_->Open(store_.path(), snapshot, Never);
    EXPECT_THAT(source, IsOk());
    return source.ok() ? *std::move(source) : nullptr;
  }
  void Restart() { sources_ = MakeCopiedSources(scratch_); }
  std::set<std::string> Copies() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(scratch_)) {
      if (entry.path().extension() == ".db") names.insert(entry.path().filename().string());
    }
    return names;
  }
  static std::string NameOf(const std::string& snapshot) { return absl::StrCat("vecferry-source-", snapshot, ".db"); }

  SqliteFile store_;
  const std::string scratch_ = absl::StrCat(fs::path(store_.path()).parent_path().string(), "/scratch");
  std::shared_ptr<CopiedSources> sources_;
};

TEST_F(CopiedSourcesTest, LooksAtTheStoreWithoutACopy) {
  auto source = sources_->Look(store_.path(), Never);
  ASSERT_THAT(source, IsOk());
  EXPECT_EQ(Rows(**source), 1);
  EXPECT_EQ((*source)->snapshot(), "");
  EXPECT_TRUE(fs::is_empty(scratch_));
  EXPECT_THAT(sources_->Look("/none", Never), StatusIs(absl::StatusCode::kNotFound, _));
}

TEST_F(CopiedSourcesTest, OpensEachMigrationsSourceApart) {
  const auto first = Open();
  store_.Run("INSERT INTO a VALUES (2)");
  const auto second = Open();
  EXPECT_EQ(Rows(*first), 1);
  EXPECT_EQ(Rows(*second), 2);
  EXPECT_NE(first->fingerprint(), second->fingerprint());
  EXPECT_THAT(sources_->InUse(), UnorderedElementsAre(first->snapshot(), second->snapshot()));
  EXPECT_THAT(Copies(), UnorderedElementsAre(NameOf(first->snapshot()), NameOf(second->snapshot())));
}

TEST_F(CopiedSourcesTest, FindsItsCopyAfterARestart) {
  std::string snapshot, fingerprint;
  {
    const auto source = Open();
    snapshot = source->snapshot();
    fingerprint = source->fingerprint();
  }
  EXPECT_THAT(sources_->InUse(), IsEmpty());
  store_.Run("INSERT INTO a VALUES (2)");
  Restart();
  const auto source = Open(snapshot);
  EXPECT_EQ(Rows(*source), 1);
  EXPECT_EQ(source->snapshot(), snapshot);
  EXPECT_EQ(source->fingerprint(), fingerprint);
  EXPECT_THAT(Copies(), SizeIs(1));
}

TEST_F(CopiedSourcesTest, MakesALostCopyAnewUnderAnotherId) {
  for (const bool damaged : {false, true}) {
    std::string snapshot = Open()->snapshot();
    const std::string path = absl::StrCat(scratch_, "/", NameOf(snapshot));
    if (damaged) {
      fs::resize_file(path, 0);
    } else {
      fs::remove(path);
    }
    Restart();
    const auto source = Open(snapshot);
    EXPECT_NE(source->snapshot(), snapshot);
    EXPECT_EQ(Rows(*source), 1);
  }
  EXPECT_EQ(Rows(*Open("no id of a copy")), 1);
}

TEST_F(CopiedSourcesTest, TellsACopyThatIsDamagedWhileItIsOpen) {
  const auto source = Open();
  EXPECT_THAT(source->CheckWhole(Never), IsOk());
  EXPECT_THAT(source->CheckWhole([] { return true; }), StatusIs(absl::StatusCode::kCancelled, _));
  const std::string path = absl::StrCat(scratch_, "/", NameOf(source->snapshot()));
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(5000).put('x');
  EXPECT_THAT(source->CheckWhole(Never), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
}

TEST_F(CopiedSourcesTest, SaysWhyNoCopyCanBeMade) {
  EXPECT_THAT(sources_->Open("/none", "", Never), StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none")));
  EXPECT_THAT(sources_->Open(store_.path(), "", [] { return true; }), StatusIs(absl::StatusCode::kCancelled, _));
  const FullDisk full(4096);
  EXPECT_THAT(sources_->Open(store_.path(), "", Never),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("--scratch-dir")));
  EXPECT_TRUE(fs::is_empty(scratch_));
}

TEST_F(CopiedSourcesTest, RemovesADiscardedCopyOnceNoSourceIsOpen) {
  auto first = Open();
  const std::string snapshot = first->snapshot();
  auto second = Open(snapshot);
  sources_->Discard(snapshot);
  first.reset();
  EXPECT_EQ(Rows(*second), 1);
  EXPECT_THAT(Copies(), ElementsAre(NameOf(snapshot)));
  EXPECT_THAT(sources_->Find(snapshot), IsOk());
  second.reset();
  EXPECT_TRUE(fs::is_empty(scratch_));
  EXPECT_THAT(sources_->Find(snapshot), StatusIs(absl::StatusCode::kNotFound, _));
  sources_->Discard(snapshot);
  sources_->Discard("");
  sources_->Discard("../store");
}

TEST_F(CopiedSourcesTest, RemovesADiscardedCopyOnceNoWorkerBesideHoldsIt) {
  auto source = Open();
  const std::string snapshot = source->snapshot();
  auto worker = MakeCopiedSources(scratch_)->Open(store_.path(), snapshot, Never);
  ASSERT_THAT(worker, IsOk());
  source.reset();
  sources_->Discard(snapshot);
  sources_->RemoveDiscarded();
  EXPECT_THAT(Copies(), ElementsAre(NameOf(snapshot)));
  worker->reset();
  sources_->RemoveDiscarded();
  EXPECT_TRUE(fs::is_empty(scratch_));
}

TEST_F(CopiedSourcesTest, KeepsACopyThatIsOpenedAgainAfterAll) {
  auto source = Open();
  const std::string snapshot = source->snapshot();
  sources_->Discard(snapshot);
  source = Open(snapshot);
  source.reset();
  EXPECT_THAT(Copies(), ElementsAre(NameOf(snapshot)));
}

TEST_F(CopiedSourcesTest, FindsWhatIsToBeSent) {
  const auto source = Open();
  const auto found = sources_->Find(source->snapshot());
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->path, absl::StrCat(scratch_, "/", NameOf(source->snapshot())));
  EXPECT_EQ(found->sum.bytes, static_cast<std::int64_t>(fs::file_size(found->path)));
  // Another coordinator, as this one restarted, has not opened it.
  EXPECT_EQ(MakeCopiedSources(scratch_)->Find(source->snapshot())->sum, found->sum);
  std::fstream(found->path, std::ios::in | std::ios::out | std::ios::binary).seekp(5000).put('x');
  EXPECT_THAT(MakeCopiedSources(scratch_)->Find(source->snapshot()), StatusIs(absl::StatusCode::kDataLoss, _));
  EXPECT_THAT(sources_->Find("../store"), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST_F(CopiedSourcesTest, RemovesWhatIsTwiceNeitherNamedNorOpen) {
  const auto open = Open();
  auto closed = Open();  // between the two looks
  const std::string named = Open()->snapshot(), left = Open()->snapshot(), late = closed->snapshot();
  sources_->KeepOnly({named});
  EXPECT_THAT(Copies(), SizeIs(4));
  closed.reset();
  sources_->KeepOnly({named});
  EXPECT_THAT(Copies(), UnorderedElementsAre(NameOf(open->snapshot()), NameOf(named), NameOf(late)));
  EXPECT_THAT(sources_->Find(left), StatusIs(absl::StatusCode::kNotFound, _));
}

}  // namespace
}  // namespace vecferry::coordinator
