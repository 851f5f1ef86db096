#include "common/postgres/ledger.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"

namespace vecferry::postgres {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::TestDatabase;

constexpr char kFirst[] = "11111111-aaaa-4aaa-8aaa-111111111111";
constexpr char kSecond[] = "22222222-bbbb-4bbb-8bbb-222222222222";

core::Plan MakePlan(const std::vector<std::string>& tables, int shards) {
  core::Plan plan;
  for (const std::string& name : tables) {
    core::Table& table = plan.tables.emplace_back();
    table.name = name;
    core::Mapping& mapping = plan.mappings.emplace_back();
    mapping.id = static_cast<int>(plan.mappings.size()) - 1;
    mapping.source_table = mapping.destination_table = name;
    mapping.rows_estimate = 10;
    for (int n = 0; n < shards; ++n) {
      core::Shard& shard = plan.shards.emplace_back();
      shard.id = static_cast<int>(plan.shards.size()) - 1;
      shard.mapping = mapping.id;
    }
  }
  return plan;
}

absl::Status Insert(Connection& session, const std::string& id, const core::Plan& plan,
                    const std::string& identity = "identity", const std::string& schema = "public") {
  MigrationRow row;
  row.id = id;
  row.identity = identity;
  row.plan = std::string("\0plan\xff", 6);
  row.options = R"({"rejects_max": 7})";
  row.program_version = "0.1.0";
  RETURN_IF_ERROR(session.ExecuteScript("BEGIN"));
  const absl::Status status = InsertMigration(session, row, plan, schema);
  RETURN_IF_ERROR(session.ExecuteScript(status.ok() ? "COMMIT" : "ROLLBACK"));
  return status;
}

CoordinatorIdentity Self() { return {"here", "boot", getpid()}; }

class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(EnsureLedger(session_), IsOk()); }
  // A migration with `shards` shards of one table, driven by us.
  std::uint64_t Start(const core::Plan& plan) {
    EXPECT_THAT(Insert(session_, kFirst, plan), IsOk());
    const auto epoch = TakeCoordination(session_, kFirst, Self(), absl::ZeroDuration());
    EXPECT_THAT(epoch, IsOk());
    return *epoch;
  }
  TestDatabase db_;
  Connection session_ = db_.Connect();
};

TEST(EnsureLedgerTest, ManyAtOnceMakeOne) {
  TestDatabase db;
  std::vector<std::thread> threads;
  std::vector<absl::Status> statuses(8);
  for (absl::Status& status : statuses) {
    threads.emplace_back([&db, &status] {
      Connection session = db.Connect();
      status = EnsureLedger(session);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& status : statuses) EXPECT_THAT(status, IsOk());
  EXPECT_THAT(db.Query("SELECT version FROM vecferry.ledger_version"), ElementsAre("1"));
}

TEST(EnsureLedgerTest, AnOlderProgramRefusesANewerLedger) {
  TestDatabase db;
  Connection session = db.Connect();
  ASSERT_THAT(EnsureLedger(session), IsOk());
  db.Run("UPDATE vecferry.ledger_version SET version = 9");
  EXPECT_THAT(EnsureLedger(session), StatusIs(absl::StatusCode::kFailedPrecondition,
                                              AllOf(HasSubstr("version 9"), HasSubstr("version 1"))));
  EXPECT_FALSE(session.in_transaction());
}

TEST(EnsureLedgerTest, SaysWhatARoleWithoutCreateNeeds) {
  TestDatabase db;
  const std::string role = absl::StrCat("poor_", db.name());
  db.Run(absl::StrCat("CREATE ROLE ", role, " LOGIN"));
  ConnectionOptions options;
  options.conninfo = absl::StrCat(db.conninfo(), " user=", role);
  auto session = Connection::Open(options);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(EnsureLedger(*session), StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("GRANT CREATE")));
  const auto exists = LedgerExists(*session);
  ASSERT_THAT(exists, IsOk());
  EXPECT_FALSE(*exists);
  db.Run(absl::StrCat("DROP OWNED BY ", role, "; SELECT pg_terminate_backend(", session->backend_pid(),
                      ", 5000); DROP ROLE ", role));
}

TEST_F(LedgerTest, StoresAMigrationAsItIs) {
  ASSERT_THAT(Insert(session_, kFirst, MakePlan({"a", "b"}, 2)), IsOk());
  const auto found = FindUnfinished(session_, "identity");
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->id, kFirst);
  EXPECT_EQ((*found)->plan, std::string("\0plan\xff", 6));
  EXPECT_EQ((*found)->state, core::State::kPlanned);
  EXPECT_THAT((*found)->started_at, ::testing::MatchesRegex("....-..-..T..:..:..\\....Z"));
  EXPECT_EQ((*found)->finished_at, "");
  const auto none = FindUnfinished(session_, "another");
  ASSERT_THAT(none, IsOk());
  EXPECT_FALSE(none->has_value());
  const auto rejects_max = LoadRejectsMax(session_, kFirst);
  ASSERT_THAT(rejects_max, IsOk());
  EXPECT_EQ(*rejects_max, 7);
  const auto shards = LoadShards(session_, kFirst);
  ASSERT_THAT(shards, IsOk());
  EXPECT_EQ(shards->size(), 4u);
}

TEST_F(LedgerTest, ASecondClaimantIsToldTheHolder) {
  ASSERT_THAT(Insert(session_, kFirst, MakePlan({"a", "b"}, 1)), IsOk());
  EXPECT_THAT(Insert(session_, kSecond, MakePlan({"b", "c"}, 1), "another"),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr("\"public\".\"b\""), HasSubstr(kFirst), HasSubstr("cancel"))));
  EXPECT_THAT(db_.Query("SELECT table_name FROM vecferry.claim ORDER BY 1"), ElementsAre("a", "b"));
  EXPECT_THAT(db_.Query("SELECT id FROM vecferry.migration"), ElementsAre(kFirst));
  // The same table of another schema is another table.
  EXPECT_THAT(Insert(session_, kSecond, MakePlan({"b"}, 1), "another", "elsewhere"), IsOk());
}

TEST_F(LedgerTest, ReleasedClaimsCanBeTaken) {
  ASSERT_THAT(Insert(session_, kFirst, MakePlan({"a"}, 1)), IsOk());
  ASSERT_THAT(ReleaseClaims(session_, kFirst), IsOk());
  EXPECT_THAT(Insert(session_, kSecond, MakePlan({"a"}, 1), "another"), IsOk());
}

TEST_F(LedgerTest, FindsAMigrationByAUniquePrefix) {
  ASSERT_THAT(Insert(session_, kFirst, MakePlan({"a"}, 1)), IsOk());
  EXPECT_THAT(GetMigration(session_, ""), IsOk());
  ASSERT_THAT(Insert(session_, kSecond, MakePlan({"b"}, 1), "another"), IsOk());
  const auto found = GetMigration(session_, "2222");
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->id, kSecond);
  EXPECT_THAT(GetMigration(session_, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(kFirst), HasSubstr(kSecond))));
  EXPECT_THAT(GetMigration(session_, "3"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("3")));
  EXPECT_THAT(GetMigration(session_, "%"), StatusIs(absl::StatusCode::kNotFound, ::testing::_));
}

TEST_F(LedgerTest, OnlyTheLatestCoordinatorMayWrite) {
  const std::uint64_t first = Start(MakePlan({"a"}, 1));
  ASSERT_THAT(SetState(session_, kFirst, first, core::State::kCopying, ""), IsOk());
  // The lock's session ends; another one takes over.
  Connection other = db_.Connect();
  ASSERT_THAT(session_.ExecuteScript("SELECT pg_advisory_unlock_all()"), IsOk());
  const auto second = TakeCoordination(other, kFirst, Self(), absl::ZeroDuration());
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(*second, first + 1);
  for (const absl::Status& status :
       {SetState(session_, kFirst, first, core::State::kFailed, "x"), RenewCoordination(session_, kFirst, first),
        AddStageSeconds(session_, kFirst, first, {1, 1, 1, 1, 1}), SetOptions(session_, kFirst, first, "{}"),
        SetPlan(session_, kFirst, first, "x"), SetVerifyLevel(session_, kFirst, first, "counts"),
        GrantLease(session_, kFirst, first, 0, "reader", absl::Seconds(30)).status()}) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, ::testing::_));
  }
  EXPECT_THAT(db_.Query("SELECT state, failure, seconds_copy, resumed FROM vecferry.migration"),
              ElementsAre("COPYING||0|1"));
  EXPECT_THAT(RenewCoordination(other, kFirst, *second), IsOk());
}

TEST_F(LedgerTest, ALivingCoordinatorIsNamedAndLeftAlone) {
  Start(MakePlan({"a"}, 1));
  Connection other = db_.Connect();
  EXPECT_THAT(TakeCoordination(other, kFirst, {"elsewhere", "another", 1}, absl::ZeroDuration()),
              StatusIs(absl::StatusCode::kAlreadyExists,
                       AllOf(HasSubstr(absl::StrCat("process ", getpid(), " on here")), HasSubstr("since 20"))));
  EXPECT_TRUE(session_.Execute("SELECT 1").ok());
}

TEST_F(LedgerTest, ASilentCoordinatorIsTakenOver) {
  Start(MakePlan({"a"}, 1));
  db_.Run("UPDATE vecferry.migration SET coordinator_seen_at = clock_timestamp() - interval '31 s'");
  Connection other = db_.Connect();
  const auto epoch = TakeCoordination(other, kFirst, {"elsewhere", "another", 1}, absl::Seconds(10));
  ASSERT_THAT(epoch, IsOk());
  EXPECT_EQ(*epoch, 2u);
  EXPECT_FALSE(session_.Execute("SELECT 1").ok());  // its session was ended
  EXPECT_THAT(db_.Query("SELECT kind FROM vecferry.event ORDER BY id"),
              ElementsAre("planned", "coordinator", "takeover", "coordinator"));
}

TEST_F(LedgerTest, ADeadProcessOfThisMachineIsTakenOverAtOnce) {
  const int dead = fork();
  if (dead == 0) _exit(0);
  int status = 0;
  ASSERT_EQ(waitpid(dead, &status, 0), dead);
  ASSERT_THAT(Insert(session_, kFirst, MakePlan({"a"}, 1)), IsOk());
  ASSERT_THAT(TakeCoordination(session_, kFirst, {"here", "boot", dead}, absl::ZeroDuration()), IsOk());
  Connection other = db_.Connect();
  // Another machine's process of that number may live.
  EXPECT_THAT(TakeCoordination(other, kFirst, {"here", "another boot", getpid()}, absl::ZeroDuration()),
              StatusIs(absl::StatusCode::kAlreadyExists, ::testing::_));
  EXPECT_THAT(TakeCoordination(other, kFirst, Self(), absl::Seconds(10)), IsOk());
}

TEST_F(LedgerTest, GrantingALeaseEndsTheOlderSessionsOfTheShard) {
  const std::uint64_t epoch = Start(MakePlan({"a"}, 2));
  const auto first = GrantLease(session_, kFirst, epoch, 0, "reader-1", absl::Seconds(30));
  ASSERT_THAT(first, IsOk());
  ConnectionOptions options;
  options.conninfo = db_.conninfo();
  options.application_name = absl::StrCat("vecferry/", kFirst, "/0/", *first);
  auto writer = Connection::Open(options);
  options.application_name = absl::StrCat("vecferry/", kFirst, "/1/1");
  auto neighbour = Connection::Open(options);
  ASSERT_THAT(writer, IsOk());
  ASSERT_THAT(neighbour, IsOk());
  // It holds the shard's row, as a stopped process would.
  ASSERT_THAT(writer->ExecuteScript("BEGIN; SELECT * FROM vecferry.shard FOR UPDATE"), IsOk());
  const auto second = GrantLease(session_, kFirst, epoch, 0, "reader-2", absl::Seconds(30));
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(*second, *first + 1);
  EXPECT_FALSE(writer->Execute("SELECT 1").ok());
  EXPECT_TRUE(neighbour->Execute("SELECT 1").ok());
  EXPECT_THAT(RenewLease(session_, kFirst, 0, *first, absl::Seconds(30)),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("epoch 2")));
  EXPECT_THAT(RenewLease(session_, kFirst, 0, *second, absl::Seconds(30)), IsOk());
  ASSERT_THAT(TerminateLeftovers(session_, kFirst), IsOk());
  EXPECT_FALSE(neighbour->Execute("SELECT 1").ok());
}

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
  std::vector<core::RowIssue> issues = {MakeIssue(R"({"id": "k1"})", core::IssueAction::kRepaired, std::string("\0\xff", 2)),
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
  ASSERT_THAT(InsertIssues(session_, kFirst, 0, {MakeIssue(R"({"id": 2})", core::IssueAction::kRejected, "x")}), IsOk());
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

TEST_F(LedgerTest, IsDroppedOnlyWhenNothingIsUnfinished) {
  const std::uint64_t epoch = Start(MakePlan({"a"}, 1));
  EXPECT_THAT(DropLedger(session_),
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr(kFirst), HasSubstr("--drop"))));
  ASSERT_THAT(SetState(session_, kFirst, epoch, core::State::kVerified, ""), IsOk());
  ASSERT_THAT(DropLedger(session_), IsOk());
  EXPECT_THAT(db_.Query("SELECT nspname FROM pg_namespace WHERE nspname = 'vecferry'"), IsEmpty());
  EXPECT_THAT(DropLedger(session_), StatusIs(absl::StatusCode::kNotFound, ::testing::_));
}

}  // namespace
}  // namespace vecferry::postgres
