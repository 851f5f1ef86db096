#include "tests/support/test_postgres.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"

namespace vecferry::testing {
namespace {

[[noreturn]] void GiveUp(const std::string& why) {
  std::fprintf(stderr, "test_postgres: %s\n", why.c_str());
  std::abort();
}

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

bool Succeeded(const PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

pg_conn* OpenSession(const std::string& conninfo) {
  pg_conn* session = PQconnectdb(conninfo.c_str());
  if (PQstatus(session) != CONNECTION_OK) GiveUp(absl::StrCat("no connection: ", PQerrorMessage(session)));
  PQsetNoticeProcessor(
      session, [](void*, const char*) {}, nullptr);
  return session;
}

void RunOnce(const std::string& conninfo, const std::string& sql) {
  pg_conn* session = OpenSession(conninfo);
  ResultHandle result(PQexec(session, sql.c_str()));
  if (!Succeeded(result.get())) GiveUp(absl::StrCat(sql, ": ", PQerrorMessage(session)));
  PQfinish(session);
}

std::string FirstLine(int file) {
  std::string line;
  char byte = 0;
  while (read(file, &byte, 1) == 1 && byte != '\n') line += byte;
  return line;
}

}  // namespace

TestPostgres::TestPostgres(Extension extension) {
  const char* shared = std::getenv("VECFERRY_TEST_POSTGRES");
  if (shared != nullptr && extension == Extension::kAvailable) {
    std::ifstream file(absl::StrCat(shared, "/socket"));
    std::getline(file, socket_folder_);
  }
  const char* option = extension == Extension::kAbsent ? "--without-vector" : nullptr;
  if (socket_folder_.empty()) StartPrivate(option, nullptr);
}

TestPostgres::TestPostgres(const StandbyOf& standby) {
  StartPrivate("--standby-of", standby.primary.socket_folder().c_str());
}

void TestPostgres::StartPrivate(const char* option, const char* value) {
  int input[2], output[2];
  // Close-on-exec: a child of another thread would keep the server alive.
  if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0) GiveUp("no pipe");
  pid_ = fork();
  if (pid_ < 0) GiveUp("no process");
  if (pid_ == 0) {
    dup2(input[0], STDIN_FILENO);
    dup2(output[1], STDOUT_FILENO);
    execl(VECFERRY_POSTGRES_SERVER, VECFERRY_POSTGRES_SERVER, "run", option, value, nullptr);
    _exit(127);
  }
  close(input[0]);
  close(output[1]);
  keep_alive_ = input[1];
  socket_folder_ = FirstLine(output[0]);
  close(output[0]);
  if (socket_folder_.empty()) GiveUp(absl::StrCat(VECFERRY_POSTGRES_SERVER, " run failed"));
}

TestPostgres::~TestPostgres() {
  if (pid_ < 0) return;
  close(keep_alive_);
  waitpid(pid_, nullptr, 0);
}

TestPostgres& TestPostgres::Shared() {
  static TestPostgres server;
  return server;
}

std::string TestPostgres::conninfo(const std::string& database) const {
  return absl::StrCat("host=", socket_folder_, " user=vecferry dbname=", database);
}

TestDatabase::TestDatabase(TestPostgres& server) : server_(server) {
  static std::atomic<int> made{0};
  name_ = absl::StrCat("test_", getpid(), "_", ++made);
  conninfo_ = server.conninfo(name_);
  RunOnce(server.conninfo("postgres"), absl::StrCat("CREATE DATABASE ", name_, " TEMPLATE vecferry_template"));
  session_ = OpenSession(conninfo_);
}

TestDatabase::~TestDatabase() {
  PQfinish(session_);
  RunOnce(server_.conninfo("postgres"), absl::StrCat("DROP DATABASE ", name_, " WITH (FORCE)"));
}

postgres::Connection TestDatabase::Connect() const {
  postgres::ConnectionOptions options;
  options.conninfo = conninfo_;
  absl::StatusOr<postgres::Connection> connection = postgres::Connection::Open(options);
  if (!connection.ok()) GiveUp(connection.status().ToString());
  return *std::move(connection);
}

std::vector<std::string> TestDatabase::Query(const std::string& sql) {
  ResultHandle result(PQexec(session_, sql.c_str()));
  if (!Succeeded(result.get())) GiveUp(absl::StrCat(sql, ": ", PQerrorMessage(session_)));
  std::vector<std::string> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    std::string& line = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const bool is_null = PQgetisnull(result.get(), row, column) == 1;
      absl::StrAppend(&line, column == 0 ? "" : "|", is_null ? "NULL" : PQgetvalue(result.get(), row, column));
    }
  }
  return rows;
}

std::string TestDatabase::QueryValue(const std::string& sql) {
  ResultHandle result(PQexec(session_, sql.c_str()));
  if (!Succeeded(result.get())) GiveUp(absl::StrCat(sql, ": ", PQerrorMessage(session_)));
  return PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

std::string TestDatabase::QueryError(const std::string& sql) {
  ResultHandle result(PQexec(session_, sql.c_str()));
  if (Succeeded(result.get())) return "";
  return absl::StrCat(PQresultErrorField(result.get(), PG_DIAG_SQLSTATE), " ",
                      PQresultErrorField(result.get(), PG_DIAG_MESSAGE_PRIMARY));
}

}  // namespace vecferry::testing
