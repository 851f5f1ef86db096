#include "common/postgres/ledger.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/ledger_fixture.h"
#include "tests/support/ledger_version_1.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"

namespace vecferry::postgres {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::vecferry::testing::Insert;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::kFirst;
using ::vecferry::testing::kSecond;
using ::vecferry::testing::LedgerTest;
using ::vecferry::testing::MakePlan;
using ::vecferry::testing::Self;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::TestDatabase;

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
  EXPECT_THAT(db.Query("SELECT version FROM vecferry.ledger_version"), ElementsAre("3"));
}

TEST(EnsureLedgerTest, BringsVersionOneToThisOneAndKeepsWhatItHolds) {
  TestDatabase db;
  db.Run(absl::StrCat("CREATE SCHEMA vecferry; ", ::vecferry::testing::kLedgerVersion1));
  Connection session = db.Connect();
  ASSERT_THAT(Insert(session, kFirst, MakePlan({"a"}, 1)), IsOk());
  db.Run(
      absl::StrCat("INSERT INTO vecferry.row_issue (migration_id, shard, source_table, source_key, "
                   "source_key_record, destination_table, column_name, kind, action, reason, raw_format) VALUES ('",
                   kFirst, "', 0, 'a', '{}', '\\x01', 'a', '', 'check', 'rejected', 'no', '')"));
  EXPECT_THAT(db.QueryError("UPDATE vecferry.row_issue SET action = 'replayed'"), HasSubstr("row_issue_action_check"));
  ASSERT_THAT(EnsureLedger(session), IsOk());
  EXPECT_THAT(db.Query("SELECT version FROM vecferry.ledger_version"), ElementsAre("3"));
  db.Run("UPDATE vecferry.row_issue SET action = 'replayed'");
  EXPECT_THAT(db.Query("SELECT action, kind, raw FROM vecferry.issues"), ElementsAre("replayed|check|NULL"));
  EXPECT_THAT(db.QueryError("UPDATE vecferry.row_issue SET action = 'lost'"), HasSubstr("row_issue_action_check"));
  EXPECT_THAT(FindUnfinished(session, "identity"), IsOk());
  ASSERT_THAT(EnsureLedger(session), IsOk());
}

TEST(EnsureLedgerTest, AnOlderProgramRefusesANewerLedger) {
  TestDatabase db;
  Connection session = db.Connect();
  ASSERT_THAT(EnsureLedger(session), IsOk());
  db.Run("UPDATE vecferry.ledger_version SET version = 9");
  EXPECT_THAT(EnsureLedger(session),
              StatusIs(absl::StatusCode::kFailedPrecondition, AllOf(HasSubstr("version 9"), HasSubstr("version 3"))));
  EXPECT_FALSE(session.in_transaction());
  EXPECT_THAT(LedgerExists(session), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version 9")));
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
