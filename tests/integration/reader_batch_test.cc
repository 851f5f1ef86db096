#include <gmock/gmock.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/core/record.h"
#include "common/rows/row_cursor.h"
#include "common/rows/rows.h"
#include "reader-worker/batch_builder.h"
#include "reader-worker/reader.h"
#include "reader-worker/shard_rows.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"

namespace vecferry::reader {
namespace {

using rows::DigestRange;
using rows::RowCursor;
using rows::SourceRow;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::SqliteFile;
using ::vecferry::testing::StatusIs;

constexpr std::int64_t kRowBytesMax = 1 << 20;

std::string RowidRecord(std::int64_t rowid) { return core::EncodeRecord({core::ValueView::Integer(rowid)}); }

// notes(id, body, state): id and body as they are, state as jsonb.
core::Mapping NotesMapping() {
  core::Mapping mapping;
  mapping.source_table = "notes";
  mapping.destination_table = "notes";
  mapping.from_sql = "notes AS t";
  mapping.key.expressions = {"t.rowid"};
  mapping.inputs = {{"t.id", "id"}, {"t.body", "body"}, {"t.state", "state"}};
  mapping.columns = {{.name = "id", .type = {core::PgKind::kInt8}, .input = 0, .not_null = true},
                     {.name = "body", .type = {core::PgKind::kText}, .input = 1},
                     {.name = "state", .type = {core::PgKind::kJsonb}, .input = 2}};
  mapping.conflict_key = {"id"};
  return mapping;
}

class BatchTest : public ::testing::Test {
 protected:
  // Rows (rowid n, id, body of `bytes`, state).
  void Insert(const std::string& id, int bytes, const std::string& state = "'{}'") {
    file_.Run(
        absl::StrCat("INSERT INTO notes(id, body, state) VALUES (", id, ", printf('%0", bytes, "d', 0), ", state, ")"));
  }
  std::vector<rpc::Batch> Batches(const core::Mapping& mapping, const BatchLimits& limits,
                                  const core::Mapping* counting = nullptr, const rpc::StreamPosition& begin = {}) {
    file_.Close();
    database_.emplace(*sqlite::Database::Open(file_.path(), false));
    std::optional<CountedRows> counted;
    if (counting != nullptr) counted.emplace(*counting, kRowBytesMax).ReadFrom(*database_);
    absl::StatusOr<RowCursor> rows = RowCursor::Open(*database_, mapping, {.after = begin.last_key});
    EXPECT_THAT(rows, IsOk());
    BatchBuilder builder(mapping, kRowBytesMax, limits, begin, counted ? &*counted : nullptr);
    std::vector<rpc::Batch> batches;
    while (*rows->Next()) {
      const SourceRow row = rows->row();
      if (builder.IsFullFor(row)) batches.push_back(builder.Take(false));
      EXPECT_THAT(builder.Add(row), IsOk());
    }
    batches.push_back(builder.Take(true));
    return batches;
  }
  void SetUp() override { file_.Run("CREATE TABLE notes(nr INTEGER PRIMARY KEY, id, body, state)"); }

  SqliteFile file_;
  std::optional<sqlite::Database> database_;
};

std::vector<std::size_t> RowsOf(const std::vector<rpc::Batch>& batches) {
  std::vector<std::size_t> rows;
  for (const rpc::Batch& batch : batches) rows.push_back(batch.rows_read);
  return rows;
}

void ExpectConsecutive(const std::vector<rpc::Batch>& batches) {
  for (std::size_t i = 0; i < batches.size(); ++i) {
    EXPECT_EQ(batches[i].sequence, batches[0].sequence + i);
    EXPECT_EQ(batches[i].end_of_shard, i + 1 == batches.size());
    EXPECT_EQ(batches[i].key_before_first, i > 0 ? batches[i - 1].last_key : batches[0].key_before_first);
    std::size_t bytes = 0;
    for (const std::uint32_t tuple : batches[i].tuple_bytes) bytes += tuple;
    EXPECT_EQ(bytes, batches[i].tuples.size());
    EXPECT_EQ(batches[i].sources.size(), batches[i].tuple_bytes.size());
    EXPECT_EQ(batches[i].rows_read, batches[i].sources.size() + batches[i].rows_rejected);
  }
}

TEST_F(BatchTest, ClosesAtItsRows) {
  for (int i = 1; i <= 10; ++i) Insert(absl::StrCat(i), 10);
  const auto batches = Batches(NotesMapping(), {.rows_max = 4});
  EXPECT_THAT(RowsOf(batches), ElementsAre(4, 4, 2));
  ExpectConsecutive(batches);
  EXPECT_EQ(batches[0].key_before_first, std::nullopt);
  EXPECT_EQ(batches[1].last_key, RowidRecord(8));
}

TEST_F(BatchTest, ClosesAtItsBytesAndLetsALargerRowTravelAlone) {
  for (const int bytes : {400, 400, 400, 5000, 400, 400}) Insert("1", bytes);
  const auto batches = Batches(NotesMapping(), {.bytes_max = 1000});
  EXPECT_THAT(RowsOf(batches), ElementsAre(2, 1, 1, 2));
  ExpectConsecutive(batches);
}

TEST_F(BatchTest, CountsRejectedRowsAndTheirBytes) {
  for (int i = 0; i < 6; ++i) Insert("NULL", 400);
  const auto batches = Batches(NotesMapping(), {.bytes_max = 1000});
  ASSERT_THAT(batches, SizeIs(3));
  ExpectConsecutive(batches);
  EXPECT_THAT(batches[1].tuples, IsEmpty());
  EXPECT_EQ(batches[1].rows_rejected, 2u);
  EXPECT_THAT(batches[1].issues, SizeIs(2));
}

TEST_F(BatchTest, GoesOnFromAPosition) {
  for (int i = 1; i <= 5; ++i) Insert(absl::StrCat(i), 10);
  const auto batches = Batches(NotesMapping(), {}, nullptr, {.next_sequence = 7, .last_key = RowidRecord(3)});
  ASSERT_THAT(batches, SizeIs(1));
  EXPECT_EQ(batches[0].sequence, 7u);
  EXPECT_EQ(batches[0].key_before_first, RowidRecord(3));
  EXPECT_EQ(batches[0].rows_read, 2u);
}

TEST_F(BatchTest, EndsAShardWithoutRowsByABatchWithoutRows) {
  const auto batches = Batches(NotesMapping(), {});
  ASSERT_THAT(batches, SizeIs(1));
  EXPECT_TRUE(batches[0].end_of_shard);
  EXPECT_EQ(batches[0].last_key, std::nullopt);
  EXPECT_EQ(batches[0].rows_read, 0u);
}

TEST_F(BatchTest, TellsEachRowsKeyAndRepairs) {
  Insert("7", 10, "'{broken'");
  core::Mapping mapping = NotesMapping();
  mapping.key.reported_inputs = {0};
  mapping.key.reported_columns = {"id"};
  const auto batches = Batches(mapping, {});
  ASSERT_THAT(batches[0].sources, SizeIs(1));
  EXPECT_EQ(batches[0].sources[0].key, RowidRecord(1));
  EXPECT_EQ(batches[0].sources[0].reported_key, "{\"id\": 7}");
  EXPECT_TRUE(batches[0].sources[0].repaired);
  EXPECT_EQ(batches[0].rows_repaired, 1u);
}

// A second destination row of each note; its state is a time there.
core::Mapping SecondMapping() {
  core::Mapping mapping = NotesMapping();
  mapping.id = 1;
  mapping.destination_table = "scheduling";
  mapping.counted = false;
  mapping.counted_by = 0;
  mapping.inputs = {{"t.id", "id"}, {"t.state", "state"}};
  mapping.columns = {{.name = "note_id", .type = {core::PgKind::kInt8}, .input = 0, .not_null = true},
                     {.name = "due", .type = {core::PgKind::kTimestamptz}, .input = 1}};
  mapping.conflict_key = {"note_id"};
  return mapping;
}

TEST_F(BatchTest, LeavesOutASecondRowWhoseCountedRowIsRejected) {
  Insert("1", 10, "NULL");
  Insert("2", kRowBytesMax + 1, "NULL");  // too large where it is counted: the second row does not read the body
  Insert("NULL", 10, "NULL");
  Insert("4", 10, "NULL");
  core::Mapping counting = NotesMapping();
  counting.duplicates = {RowidRecord(4)};
  const auto batches = Batches(SecondMapping(), {}, &counting);
  ExpectConsecutive(batches);
  ASSERT_THAT(batches[0].sources, SizeIs(1));
  EXPECT_EQ(batches[0].sources[0].key, RowidRecord(1));
  EXPECT_THAT(batches[0].issues, IsEmpty()) << "told where they are counted";
}

TEST_F(BatchTest, TellsOfASecondRowOnlyWhatTheCountedRowDoesNot) {
  Insert("1", 10, "'{broken'");  // neither JSON nor a time: the counted row tells
  Insert("2", 10, "'{}'");       // JSON, but no time
  const core::Mapping counting = NotesMapping();
  const auto batches = Batches(SecondMapping(), {}, &counting);
  ASSERT_THAT(batches[0].issues, SizeIs(1));
  EXPECT_EQ(batches[0].issues[0].source_key_record, RowidRecord(2));
  EXPECT_EQ(batches[0].issues[0].destination_table, "scheduling");
}

TEST_F(BatchTest, SumsWhatADigestSums) {
  for (int i = 1; i <= 20; ++i) Insert(i % 3 == 0 ? "NULL" : absl::StrCat(i), 10 * i);
  const core::Mapping mapping = NotesMapping();
  const auto batches = Batches(mapping, {.rows_max = 6});
  core::Sum128 sum;
  std::int64_t rows = 0;
  for (const rpc::Batch& batch : batches) {
    sum += batch.source_sum;
    rows += static_cast<std::int64_t>(batch.rows_read);
    const auto digest = DigestRange(*database_, mapping, {}, batch.last_key, false);
    ASSERT_THAT(digest, IsOk());
    EXPECT_EQ(digest->count, rows);
    EXPECT_EQ(digest->sum, sum);
  }
  EXPECT_EQ(DigestRange(*database_, mapping, {}, RowidRecord(3), true)->sum, sum);
  EXPECT_EQ(DigestRange(*database_, mapping, {}, std::nullopt, false)->count, 0);
  const core::Shard middle{.lower = RowidRecord(5), .upper = RowidRecord(10)};
  EXPECT_EQ(DigestRange(*database_, mapping, middle, std::nullopt, true)->count, 5);
  EXPECT_EQ(DigestRange(*database_, mapping, middle, RowidRecord(6), false)->count, 2);
}

TEST_F(BatchTest, NamesTheTableThatCannotBeRead) {
  Insert("1", 10);
  core::Mapping mapping = NotesMapping();
  mapping.inputs[1].sql = "t.gone";
  file_.Close();
  database_.emplace(*sqlite::Database::Open(file_.path(), false));
  EXPECT_THAT(RowCursor::Open(*database_, mapping, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("reading table notes")));
}

// Within a shard, long before its last row: what leaves is committed.
TEST_F(BatchTest, AFileThatLostBytesGivesNoMore) {
  for (int id = 1; id <= 300; ++id) Insert(absl::StrCat(id), 20);
  file_.Close();
  absl::StatusOr<sqlite::Database> database = sqlite::Database::Open(file_.path(), false);
  ASSERT_THAT(database, IsOk());
  ASSERT_THAT(database->BeginReading(), IsOk());
  sqlite::SnapshotConnection source(*std::move(database));
  core::Plan plan;
  plan.mappings = {NotesMapping()};
  plan.shards = {core::Shard()};
  ShardRows rows(source, plan, plan.shards[0], {.rows_max = 10}, {});
  const StopFlag stop;
  const auto batch = rows.NextBatch(stop, nullptr);
  ASSERT_THAT(batch, IsOk());
  EXPECT_EQ(batch->rows_read, 10);
  std::filesystem::resize_file(file_.path(), std::filesystem::file_size(file_.path()) - 1);
  EXPECT_THAT(rows.NextBatch(stop, nullptr), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("lost bytes")));
}

}  // namespace
}  // namespace vecferry::reader
