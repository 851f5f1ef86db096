// Checkpoints, issues and the report of the ledger.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/postgres/ledger.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/status_matchers.h"

namespace vecferry::postgres {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::kFirst;
using ::vecferry::testing::LedgerTest;
using ::vecferry::testing::MakePlan;
using ::vecferry::testing::StatusIs;

core::Checkpoint After(const core::Checkpoint& before, const std::string& key) {
  core::Checkpoint after = before;
  ++after.next_sequence;
  after.last_key = key;
  after.counters += core::Counters{10, 6, 1, 1, 1, 2, 1, 3, 1000};
  after.source_count += 10;
  after.source_sum += core::Sum128{1, ~std::uint64_t{0}};
  return after;
}

class StreamLedgerTest : public LedgerTest {
 protected:
  void SetUp() override {
    LedgerTest::SetUp();
    epoch_ = Start(MakePlan({"a"}, 1));
    const auto lease = GrantLease(session_, kFirst, epoch_, 0, "reader", absl::Seconds(30));
    ASSERT_THAT(lease, IsOk());
    lease_ = *lease;
  }
  absl::Status Step(const OpenedStream& stream, const core::Checkpoint& before, const core::Checkpoint& after) {
    return AdvanceShard(session_, kFirst, 0, lease_, stream.stream_epoch,
                        {before.next_sequence, after.next_sequence - 1, before.last_key, after});
  }
  std::uint64_t epoch_ = 0, lease_ = 0;
};

TEST_F(StreamLedgerTest, AnAdvancedCheckpointIsReadBackWhole) {
  const auto stream = OpenStream(session_, kFirst, 0, lease_);
  ASSERT_THAT(stream, IsOk());
  EXPECT_EQ(stream->checkpoint.last_key, std::nullopt);
  core::Checkpoint after = After(stream->checkpoint, std::string("\0k\xff", 3));
  ASSERT_THAT(Step(*stream, stream->checkpoint, after), IsOk());
  core::Checkpoint last = After(after, "z");
  last.done = true;
  ASSERT_THAT(Step(*stream, after, last), IsOk());
  const auto reopened = OpenStream(session_, kFirst, 0, lease_);
  ASSERT_THAT(reopened, IsOk());
  EXPECT_EQ(reopened->stream_epoch, stream->stream_epoch + 1);
  EXPECT_EQ(reopened->checkpoint.next_sequence, 2u);
  EXPECT_EQ(reopened->checkpoint.last_key, "z");
  EXPECT_TRUE(reopened->checkpoint.done);
  EXPECT_EQ(reopened->checkpoint.counters, last.counters);
  EXPECT_EQ(reopened->checkpoint.source_count, 20);
  EXPECT_EQ(reopened->checkpoint.source_sum, (core::Sum128{3, ~std::uint64_t{0} - 1}));
}

TEST_F(StreamLedgerTest, RefusesRepeatsGapsAndStaleStreams) {
  const auto stale = OpenStream(session_, kFirst, 0, lease_);
  const auto stream = OpenStream(session_, kFirst, 0, lease_);
  ASSERT_THAT(stream, IsOk());
  const core::Checkpoint before = stream->checkpoint;
  const core::Checkpoint after = After(before, "k");
  EXPECT_THAT(Step(*stale, before, after), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("stream")));
  ASSERT_THAT(Step(*stream, before, after), IsOk());
  EXPECT_THAT(Step(*stream, before, after),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("expects batch 1 after key 6b")));
  core::Checkpoint gap = after;
  gap.next_sequence = 5;
  EXPECT_THAT(Step(*stream, gap, After(gap, "m")), StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
  core::Checkpoint other_key = after;
  other_key.last_key = "j";
  EXPECT_THAT(Step(*stream, other_key, After(other_key, "m")),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::_));
  EXPECT_THAT(db_.Query("SELECT next_sequence, rows_read FROM vecferry.shard"), ElementsAre("1|10"));
}

TEST_F(StreamLedgerTest, ALostLeaseIsToldAsSuch) {
  const auto stream = OpenStream(session_, kFirst, 0, lease_);
  ASSERT_THAT(stream, IsOk());
  ASSERT_THAT(GrantLease(session_, kFirst, epoch_, 0, "another", absl::Seconds(30)), IsOk());
  EXPECT_THAT(Step(*stream, stream->checkpoint, After(stream->checkpoint, "k")),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("leased with epoch 2")));
  EXPECT_THAT(OpenStream(session_, kFirst, 0, lease_), StatusIs(absl::StatusCode::kAborted, ::testing::_));
  EXPECT_THAT(OpenStream(session_, kFirst, 5, lease_), StatusIs(absl::StatusCode::kNotFound, ::testing::_));
}

core::RowIssue MakeIssue(const std::string& key, core::IssueAction action, std::string raw) {
  core::RowIssue issue;
  issue.source_table = "a";
  issue.source_key = key;
  issue.source_key_record = "record";
  issue.source_rowid = 42;
  issue.destination_table = "a";
  issue.column = "content";
  issue.kind = "invalid_json";
  issue.action = action;
  issue.reason = "not \x01 JSON\nat all \xff";
  issue.raw = std::move(raw);
  issue.raw_format = "blob";
  return issue;
}

TEST_F(StreamLedgerTest, IssuesKeepTheirRawBytesWhateverTheirSize) {
  std::string large(3'500'000, 'x');
  for (std::size_t at = 0; at < large.size(); ++at) large[at] = static_cast<char>(at * 31);
  std::vector<core::RowIssue> issues = {
      MakeIssue(R"({"id": "k1"})", core::IssueAction::kRepaired, std::string("\0\xff", 2)),
      MakeIssue(R"({"id": "k2"})", core::IssueAction::kRejected, large),
      MakeIssue("", core::IssueAction::kSkipped, "")};
  issues.back().raw_format = "";
  ASSERT_THAT(InsertIssues(session_, kFirst, 0, issues), IsOk());
  EXPECT_THAT(db_.Query("SELECT source_table, source_key, source_rowid, column_name, kind, action, length(raw), "
                        "raw_format FROM vecferry.issues ORDER BY source_key->>'id'"),
              ElementsAre("a|{\"id\": \"k1\"}|42|content|invalid_json|repaired|2|blob",
                          "a|{\"id\": \"k2\"}|42|content|invalid_json|rejected|3500000|blob",
                          "a|{\"rowid\": 42}|42|content|invalid_json|skipped|NULL|"));
  auto raw = session_.Execute("SELECT raw FROM vecferry.issues WHERE action = 'rejected'");
  ASSERT_THAT(raw, IsOk());
  EXPECT_TRUE(raw->bytea(0, 0) == large);
  EXPECT_EQ(db_.QueryValue("SELECT max(length(bytes)) FROM vecferry.row_issue_raw_part"), "1048576");
}

TEST_F(StreamLedgerTest, ManyIssuesFitOneCall) {
  const std::vector<core::RowIssue> issues(5000, MakeIssue(R"({"id": 1})", core::IssueAction::kRepaired, "x"));
  ASSERT_THAT(InsertIssues(session_, kFirst, 0, issues), IsOk());
  EXPECT_EQ(db_.QueryValue("SELECT count(*) FROM vecferry.issues"), "5000");
}

TEST_F(StreamLedgerTest, TheReportSumsTheShards) {
  const auto stream = OpenStream(session_, kFirst, 0, lease_);
  ASSERT_THAT(stream, IsOk());
  ASSERT_THAT(Step(*stream, stream->checkpoint, After(stream->checkpoint, "k")), IsOk());
  const std::vector<core::RowIssue> repaired(25, MakeIssue(R"({"id": 1})", core::IssueAction::kRepaired, "x"));
  ASSERT_THAT(InsertIssues(session_, kFirst, 0, repaired), IsOk());
  ASSERT_THAT(InsertIssues(session_, kFirst, 0, {MakeIssue(R"({"id": 2})", core::IssueAction::kRejected, "x")}),
              IsOk());
  ASSERT_THAT(RecordIndex(session_, kFirst, {"a", "a_pkey", "PRIMARY KEY (id)", 0.25}), IsOk());
  ASSERT_THAT(RecordIndex(session_, kFirst, {"a", "a_pkey", "PRIMARY KEY (id)", 0.5}), IsOk());  // a step may run twice
  ASSERT_THAT(RecordCheck(session_, kFirst, {"counts", "a", "fail", "10", "9", "e"}), IsOk());
  ASSERT_THAT(AddStageSeconds(session_, kFirst, epoch_, {0.5, 1, 0, 0, 2}), IsOk());
  ASSERT_THAT(AddStageSeconds(session_, kFirst, epoch_, {0, 1, 0, 0, 2}), IsOk());
  ASSERT_THAT(SetState(session_, kFirst, epoch_, core::State::kDifferent, ""), IsOk());
  const auto row = GetMigration(session_, kFirst);
  ASSERT_THAT(row, IsOk());
  const auto report = LoadReport(session_, *row, MakePlan({"a"}, 1));
  ASSERT_THAT(report, IsOk());
  ASSERT_EQ(report->tables.size(), 1u);
  EXPECT_EQ(report->tables[0].counters, (core::Counters{10, 6, 1, 1, 1, 2, 1, 3, 1000}));
  EXPECT_EQ(report->totals, report->tables[0].counters);
  EXPECT_EQ(report->tables[0].rows_expected, 10);
  ASSERT_EQ(report->issues.size(), 20u);
  EXPECT_EQ(report->issues[0].action, "rejected");
  EXPECT_EQ(report->issues_more, 6);
  ASSERT_EQ(report->indexes.size(), 1u);
  EXPECT_EQ(report->indexes[0].seconds, 0.5);
  ASSERT_EQ(report->checks.size(), 1u);
  EXPECT_EQ(report->checks[0].verdict, "fail");
  EXPECT_EQ(report->seconds.copy, 2);
  EXPECT_EQ(report->seconds.plan, 0.5);
  EXPECT_EQ(report->exit_code, 4);
  EXPECT_NE(report->finished_at, "");
  EXPECT_EQ(report->pgvector_version, db_.QueryValue("SELECT extversion FROM pg_extension WHERE extname = 'vector'"));
  EXPECT_THAT(report->server_version, HasSubstr("15."));
}

}  // namespace
}  // namespace vecferry::postgres
