#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "common/pgcopy/tuple.h"
#include "common/postgres/connection.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"

namespace vecferry::postgres {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;
using ::vecferry::testing::TestDatabase;
using ::vecferry::testing::TestPostgres;

absl::Status OpenError(const std::string& conninfo) {
  ConnectionOptions options;
  options.conninfo = conninfo;
  options.connect_timeout = absl::Seconds(5);
  return Connection::Open(options).status();
}

auto IsOneLine() { return Not(HasSubstr("\n")); }

TEST(OpenTest, SetsUpTheSessionWhateverTheRoleHasSet) {
  TestDatabase db;
  db.Run(absl::StrCat("ALTER DATABASE ", db.name(), " SET datestyle = 'SQL, DMY'; ALTER DATABASE ", db.name(),
                      " SET timezone = 'Asia/Tokyo'; ALTER DATABASE ", db.name(),
                      " SET client_encoding = 'LATIN1'; "
                      "ALTER DATABASE ",
                      db.name(), " SET statement_timeout = 60000"));
  ConnectionOptions options;
  options.conninfo = db.conninfo();
  options.application_name = "vecferry/test";
  options.search_path = "\"odd \"\"name\", public";
  options.idle_in_transaction_timeout = absl::Seconds(30);
  auto session = Connection::Open(options);
  ASSERT_THAT(session, IsOk());
  auto settings = session->Execute(
      "SELECT concat_ws(';', current_setting('datestyle'), current_setting('timezone'), "
      "current_setting('client_encoding'),"
      " current_setting('statement_timeout'), current_setting('search_path'), current_setting('application_name'),"
      " current_setting('idle_in_transaction_session_timeout'), current_setting('client_connection_check_interval'))");
  ASSERT_THAT(settings, IsOk());
  EXPECT_EQ(std::string(settings->text(0, 0)), "ISO, MDY;UTC;UTF8;0;\"odd \"\"name\", public;vecferry/test;30s;2s");
  EXPECT_GE(session->server_version(), 150000);
}

TEST(OpenTest, NamesAHostThatDoesNotExist) {
  EXPECT_THAT(
      OpenError("postgres://me:hunter2@no-such-host.invalid/store"),
      StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("no such host"), HasSubstr("no-such-host.invalid"),
                                                     IsOneLine(), Not(HasSubstr("hunter2")))));
}

TEST(OpenTest, NamesAPortWhereNobodyListens) {
  EXPECT_THAT(
      OpenError("postgres://me:hunter2@127.0.0.1:1/store"),
      StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("cannot reach"), HasSubstr("127.0.0.1 port 1"),
                                                     HasSubstr("refused"), IsOneLine(), Not(HasSubstr("hunter2")))));
  EXPECT_THAT(OpenError("host=/nonexistent dbname=x"),
              StatusIs(absl::StatusCode::kUnavailable, AllOf(HasSubstr("socket /nonexistent"), IsOneLine())));
}

TEST(OpenTest, GivesAServerUpThatDoesNotAnswer) {
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(bind(silent, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(listen(silent, 1), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ConnectionOptions options;
  options.conninfo = absl::StrCat("host=127.0.0.1 dbname=store port=", ntohs(address.sin_port));
  options.connect_timeout = absl::Hours(1);
  int asked = 0;
  options.stopping = [&asked] { return ++asked == 3; };
  EXPECT_THAT(Connection::Open(options).status(), StatusIs(absl::StatusCode::kCancelled, HasSubstr("connecting")));
  EXPECT_EQ(asked, 3);
  close(silent);
}

TEST(OpenTest, NamesADatabaseThatDoesNotExist) {
  EXPECT_THAT(OpenError(TestPostgres::Shared().conninfo("no_such_database")),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("no such database"), HasSubstr("\"no_such_database\""), IsOneLine())));
}

TEST(OpenTest, RefusesAWrongPasswordWithoutPrintingIt) {
  TestDatabase db;
  db.Run("DO $$ BEGIN CREATE ROLE needs_password; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  const std::string role = absl::StrCat("role_", db.name());
  db.Run(absl::StrCat("CREATE ROLE ", role, " LOGIN PASSWORD 'correct-horse' IN ROLE needs_password"));
  const std::string base = absl::StrCat("host=", TestPostgres::Shared().socket_folder(), " dbname=", db.name(),
                                        " user=", role, " passfile=/nonexistent");
  EXPECT_THAT(OpenError(absl::StrCat(base, " password=correct-horse")), IsOk());
  EXPECT_THAT(OpenError(absl::StrCat(base, " password=hunter2")),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("wrong password"), HasSubstr(role), IsOneLine(), Not(HasSubstr("hunter2")))));
  EXPECT_THAT(OpenError(base), StatusIs(absl::StatusCode::kPermissionDenied,
                                        AllOf(HasSubstr("asks for a password"), HasSubstr("PGPASSWORD"), IsOneLine())));
  db.Run(absl::StrCat("DROP ROLE ", role));
}

TEST(ExecuteTest, PassesParametersAndBytesThrough) {
  TestDatabase db;
  Connection session = db.Connect();
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<char>(value));
  auto result = session.Execute("SELECT $1::text, $2::bigint + 1, $3::boolean, $4::bytea, $5::text, length($4)",
                                {"it's; --", std::int64_t{41}, true, Param::Bytea(bytes), std::nullopt});
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(std::string(result->text(0, 0)), "it's; --");
  EXPECT_EQ(result->integer(0, 1), 42);
  EXPECT_TRUE(result->truth(0, 2));
  EXPECT_EQ(result->bytea(0, 3), bytes);
  EXPECT_TRUE(result->is_null(0, 4));
  EXPECT_EQ(result->optional_bytea(0, 4), std::nullopt);
  EXPECT_EQ(result->integer(0, 5), 256);
}

TEST(ExecuteTest, AttachesWhatPostgresSaid) {
  TestDatabase db;
  Connection session = db.Connect();
  ASSERT_THAT(session.ExecuteScript("CREATE TABLE t (a int CONSTRAINT a_is_key PRIMARY KEY); INSERT INTO t VALUES (1)"),
              IsOk());
  const auto inserted = session.Execute("INSERT INTO t VALUES ($1)", {std::int64_t{1}});
  EXPECT_THAT(inserted, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("23505")));
  const auto error = GetSqlError(inserted.status());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->sqlstate, "23505");
  EXPECT_EQ(error->constraint, "a_is_key");
  EXPECT_EQ(error->table, "t");
  EXPECT_THAT(error->detail, HasSubstr("already exists"));
  EXPECT_FALSE(GetSqlError(absl::InternalError("mine")).has_value());
}

TEST(ExecuteTest, TellsALostConnection) {
  TestDatabase db;
  Connection session = db.Connect();
  db.Run(absl::StrCat("SELECT pg_terminate_backend(", session.backend_pid(), ", 5000)"));
  EXPECT_THAT(session.Execute("SELECT 1"), StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
  EXPECT_FALSE(session.alive());
}

TEST(ExecuteTest, CanBeCancelledFromAnotherThread) {
  TestDatabase db;
  Connection session = db.Connect();
  const Connection::Canceller canceller = session.canceller();
  std::thread other([&] {
    const std::string working = absl::StrCat(
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' "
        "AND state = 'active' AND pid = ",
        session.backend_pid());
    while (db.QueryValue(working) == "0") std::this_thread::yield();
    canceller.Cancel();
  });
  EXPECT_THAT(session.Execute("SELECT pg_sleep(60)"), StatusIs(absl::StatusCode::kCancelled, HasSubstr("57014")));
  other.join();
  EXPECT_THAT(session.Execute("SELECT 1"), IsOk());
}

// `rows` tuples of one int8 each, the file's header and trailer around them.
std::string IntFile(int rows) {
  std::string tuples;
  pgcopy::TupleWriter writer(tuples);
  for (int row = 1; row <= rows; ++row) {
    writer.BeginTuple(1);
    writer.BeginField();
    for (int shift = 56; shift >= 0; shift -= 8) tuples.push_back(static_cast<char>(std::int64_t{row} >> shift));
    writer.EndField();
  }
  return absl::StrCat(pgcopy::FileHeader(), tuples, pgcopy::FileTrailer());
}

TEST(CopyTest, TakesAnyCutOfTheBytes) {
  TestDatabase db;
  db.Run("CREATE TABLE t (a bigint)");
  Connection session = db.Connect();
  ASSERT_THAT(session.StartCopy("COPY t FROM STDIN (FORMAT binary)"), IsOk());
  const std::string file = IntFile(100);
  for (std::size_t at = 0; at < file.size(); at += 7) {
    ASSERT_THAT(session.PutCopyData(absl::string_view(file).substr(at, 7)), IsOk());
  }
  const auto copied = session.EndCopy();
  ASSERT_THAT(copied, IsOk());
  EXPECT_EQ(*copied, 100);
  EXPECT_THAT(db.Query("SELECT count(*), sum(a) FROM t"), ElementsAre("100|5050"));
}

TEST(CopyTest, NamesTheLineAndLeavesTheSessionUsable) {
  TestDatabase db;
  db.Run("CREATE TABLE t (a bigint CHECK (a <> 300000))");
  Connection session = db.Connect();
  ASSERT_THAT(session.ExecuteScript("BEGIN"), IsOk());
  ASSERT_THAT(session.StartCopy("COPY t FROM STDIN (FORMAT binary)"), IsOk());
  // Megabytes after the error: whether PutCopyData or EndCopy tells it is libpq's to decide.
  const std::string file = IntFile(600'000);
  absl::Status status = session.PutCopyData(file);
  if (status.ok()) status = session.EndCopy().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("23514")));
  EXPECT_EQ(GetSqlError(status)->copy_line, 300000);
  EXPECT_TRUE(session.in_transaction());
  ASSERT_THAT(session.ExecuteScript("ROLLBACK"), IsOk());
  EXPECT_FALSE(session.in_transaction());
  EXPECT_EQ(db.QueryValue("SELECT count(*) FROM t"), "0");
  // The same session copies again.
  ASSERT_THAT(session.StartCopy("COPY t FROM STDIN (FORMAT binary)"), IsOk());
  ASSERT_THAT(session.PutCopyData(IntFile(10)), IsOk());
  EXPECT_THAT(session.EndCopy(), IsOk());
}

TEST(CopyTest, CanBeAbandoned) {
  TestDatabase db;
  db.Run("CREATE TABLE t (a bigint)");
  Connection session = db.Connect();
  ASSERT_THAT(session.StartCopy("COPY t FROM STDIN (FORMAT binary)"), IsOk());
  ASSERT_THAT(session.PutCopyData(IntFile(10)), IsOk());
  session.AbandonCopy();
  ASSERT_THAT(session.Execute("SELECT 1"), IsOk());
  EXPECT_EQ(db.QueryValue("SELECT count(*) FROM t"), "0");
}

TEST(CopyTest, TellsALostConnection) {
  TestDatabase db;
  db.Run("CREATE TABLE t (a bigint)");
  Connection session = db.Connect();
  ASSERT_THAT(session.StartCopy("COPY t FROM STDIN (FORMAT binary)"), IsOk());
  db.Run(absl::StrCat("SELECT pg_terminate_backend(", session.backend_pid(), ", 5000)"));
  const std::string file = IntFile(600'000);
  absl::Status status = session.PutCopyData(file);
  if (status.ok()) status = session.EndCopy().status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, ::testing::_));
}

TEST(ServerWithoutVectorTest, HasNoPgvectorToInstall) {
  TestPostgres server(TestPostgres::Extension::kAbsent);
  TestDatabase db(server);
  EXPECT_EQ(db.QueryValue("SELECT count(*) FROM pg_available_extensions WHERE name = 'vector'"), "0");
}

}  // namespace
}  // namespace vecferry::postgres
