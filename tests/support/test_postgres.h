#ifndef VECFERRY_TESTS_SUPPORT_TEST_POSTGRES_H_
#define VECFERRY_TESTS_SUPPORT_TEST_POSTGRES_H_

#include <string>
#include <vector>

#include "common/postgres/connection.h"

struct pg_conn;

namespace vecferry::testing {

// A real PostgreSQL for tests: the one that ctest's fixture `postgres` started for the whole run, when
// VECFERRY_TEST_POSTGRES names its folder, else one of this object's own, which ends with it, also when the test is
// killed. Ends the test program when no server can be had. Thread-safe.
class TestPostgres {
 public:
  enum class Extension { kAvailable, kAbsent };
  // kAbsent: always a server of its own, on which pgvector cannot be installed.
  explicit TestPostgres(Extension extension = Extension::kAvailable);
  // A streaming standby of `primary`: with what that holds now, and later with what comes.
  struct StandbyOf {
    const TestPostgres& primary;
  };
  explicit TestPostgres(const StandbyOf& standby);
  ~TestPostgres();
  TestPostgres(const TestPostgres&) = delete;
  TestPostgres& operator=(const TestPostgres&) = delete;

  // The server of this test program, started at the first call.
  static TestPostgres& Shared();

  const std::string& socket_folder() const { return socket_folder_; }
  // key=value text; role `vecferry`, a superuser.
  std::string conninfo(const std::string& database) const;

 private:
  void StartPrivate(const char* option, const char* value);
  std::string socket_folder_;
  int keep_alive_ = -1;  // the server runs until this pipe is closed
  int pid_ = -1;         // of its keeper
};

// A new database with pgvector in `public`, dropped at the end. Ends the test program when that fails.
// Not thread-safe, but Connect() may be called from any thread.
class TestDatabase {
 public:
  explicit TestDatabase(TestPostgres& server = TestPostgres::Shared());
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  const std::string& name() const { return name_; }
  const std::string& conninfo() const { return conninfo_; }
  // A session of the code under test.
  postgres::Connection Connect() const;

  // Runs SQL on a plain libpq session, apart from the code under test. Each row of the (last) result is one string:
  // fields joined by '|', NULL as "NULL". An error ends the test program with the message.
  std::vector<std::string> Query(const std::string& sql);
  // The first field of the first row; "" when there is none.
  std::string QueryValue(const std::string& sql);
  // Runs several statements.
  void Run(const std::string& sql) { Query(sql); }
  // The error of a statement that must fail: "SQLSTATE message"; "" when it did not.
  std::string QueryError(const std::string& sql);

 private:
  TestPostgres& server_;
  std::string name_;
  std::string conninfo_;
  pg_conn* session_ = nullptr;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_TEST_POSTGRES_H_
