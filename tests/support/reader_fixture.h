#ifndef VECFERRY_TESTS_SUPPORT_READER_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_READER_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/core/record.h"
#include "reader-worker/reader.h"
#include "tests/support/fake_writer.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

// One reader stream over a small store, with leases and a writer in memory.
namespace vecferry::reader {

using ::vecferry::testing::FakeLeases;
using ::vecferry::testing::FakeWriter;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;

inline constexpr int kRows = 103, kBatchRows = 10;

inline std::string RowidRecord(std::int64_t rowid) { return core::EncodeRecord({core::ValueView::Integer(rowid)}); }

inline core::Plan MakePlan() {
  core::Plan plan;
  core::Mapping mapping;
  mapping.source_table = "notes";
  mapping.destination_table = "notes";
  mapping.from_sql = "notes AS t";
  mapping.key.expressions = {"t.rowid"};
  mapping.inputs = {{"t.id", "id"}, {"t.body", "body"}};
  mapping.columns = {{.name = "id", .type = {core::PgKind::kInt8}, .input = 0, .not_null = true},
                     {.name = "body", .type = {core::PgKind::kText}, .input = 1}};
  mapping.conflict_key = {"id"};
  plan.mappings = {mapping};
  plan.shards = {{.id = 0}};
  return plan;
}

inline rpc::Lease MakeLease(int shard = 0, absl::Duration duration = absl::Minutes(10)) {
  return {"11111111-2222-3333-4444-555555555555", shard, 1, duration, "", "main", kBatchRows};
}

class ReaderStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    file_.Run(
        absl::StrCat("CREATE TABLE notes(id INTEGER PRIMARY KEY, body TEXT);"
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
                     kRows, ") INSERT INTO notes SELECT i, printf('%0400d', i) FROM n"));
    OpenSource();
  }
  void OpenSource() {
    file_.Close();
    absl::StatusOr<sqlite::Database> source = sqlite::Database::Open(file_.path(), false);
    ASSERT_THAT(source, IsOk());
    source_.emplace(*std::move(source));
  }
  std::unique_ptr<ReaderStream> MakeStream(FakeLeases& leases, FakeWriter& writer) {
    // Neither is owned by the stream.
    const std::shared_ptr<sqlite::SnapshotConnection> source(std::shared_ptr<void>(), &*source_);
    const std::shared_ptr<rpc::WriterClient> client(std::shared_ptr<void>(), &writer);
    return MakeReaderStream(
        options_, [source](const std::string&, const std::function<bool()>&) { return source; }, leases,
        [client](const std::string&) { return client; });
  }
  void Run(FakeLeases& leases) {
    stream_ = MakeStream(leases, writer_);
    EXPECT_THAT(stream_->Run(), IsOk());
  }
  // The rowids that arrived, in the order of their commits.
  std::vector<std::string> Arrived() {
    std::vector<std::string> keys;
    for (const rpc::Batch& batch : writer_.committed()) {
      for (const rpc::TupleSource& source : batch.sources) keys.push_back(source.key);
    }
    return keys;
  }
  static std::vector<std::string> Rowids(int first, int last) {
    std::vector<std::string> keys;
    for (int i = first; i <= last; ++i) keys.push_back(RowidRecord(i));
    return keys;
  }

  SqliteFile file_;
  std::optional<sqlite::SnapshotConnection> source_;
  ReaderOptions options_;
  FakeWriter writer_;
  FakeLeases leases_{MakePlan(), {MakeLease()}};
  std::unique_ptr<ReaderStream> stream_;
};

}  // namespace vecferry::reader

#endif  // VECFERRY_TESTS_SUPPORT_READER_FIXTURE_H_
