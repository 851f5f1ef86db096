#ifndef VECFERRY_TESTS_SUPPORT_MIGRATION_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_MIGRATION_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/postgres/ledger.h"
#include "tests/support/loopback.h"
#include "tests/support/sqlite_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"

namespace vecferry::testing {

// Holds up every commit by which a shard would have more rows read than `rows`, until it is opened or goes.
class Gate {
 public:
  Gate(TestDatabase& database, std::int64_t rows) : database_(database) {
    postgres::Connection session = database.Connect();
    EXPECT_THAT(postgres::EnsureLedger(session), IsOk());
    database_.Run(
        absl::StrCat("CREATE OR REPLACE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                     "PERFORM pg_advisory_xact_lock_shared(42); RETURN NEW; END $$;"
                     "CREATE TRIGGER gate BEFORE UPDATE ON vecferry.shard FOR EACH ROW WHEN (NEW.rows_read > ",
                     rows, ") EXECUTE FUNCTION public.gate(); SELECT pg_advisory_lock(42)"));
  }
  ~Gate() { database_.Run("SELECT pg_advisory_unlock(42); DROP TRIGGER gate ON vecferry.shard"); }
  bool reached() {
    // The server is shared: other tests' locks are listed too.
    return database_.QueryValue(
               "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database "
               "WHERE locktype = 'advisory' AND objid = 42 AND NOT granted AND datname = current_database()") != "0";
  }

 private:
  TestDatabase& database_;
};

// A small generic store, a database, and commands that carry the one into the other.
class MigrationTest : public ::testing::Test {
 protected:
  // People and their notes with vectors: a key, a foreign key, an index, an autoincrement column.
  void WriteStore(int notes) {
    source_.Run(absl::StrCat(
        "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);"
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), body TEXT, embedding BLOB);"
        "CREATE INDEX notes_by_person ON notes(person);"
        "INSERT INTO people(id, name) VALUES (1, 'Ada'), (2, 'Grace'), (90, 'gone');"
        "DELETE FROM people WHERE id = 90;"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ",
        notes,
        ")"
        " INSERT INTO notes SELECT i, 1 + i % 2, 'note ' || i, ",
        VectorLiteral({0.5, 1, -2}), " FROM n;"));
    source_.Close();
  }

  // 5,000 things with a UUID of their own: text that several spellings make the same key.
  void WriteThings() {
    source_.Run(
        "CREATE TABLE things (id INTEGER PRIMARY KEY, key UUID UNIQUE);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " INSERT INTO things SELECT i, printf('%08x-0000-4000-8000-abcdefabcdef', i) FROM n;");
    source_.Close();
  }

  LoopbackCluster::Options Options() {
    LoopbackCluster::Options options;
    options.source_path = source_.path();
    options.conninfo = database_.conninfo();
    return options;
  }

  // Options by which a run commits after each batch and is stopped at once.
  LoopbackCluster::Options SmallSteps() {
    LoopbackCluster::Options options = Options();
    options.commit_group_bytes = 1;
    options.drain_time = absl::ZeroDuration();
    return options;
  }

  // A command that is interrupted when a shard has read `rows` rows.
  absl::StatusOr<core::Report> RunUntil(std::int64_t rows, const LoopbackCluster::Options& options,
                                        int batch_rows_max = 500) {
    Gate gate(database_, rows);
    LoopbackCluster cluster(options);
    rpc::StartOptions request = cluster.Request();
    request.batch_rows_max = batch_rows_max;
    return cluster.Run(request, [&](const core::Report&) { return !gate.reached(); });
  }

  // One command from start to end.
  absl::StatusOr<core::Report> RunOnce() {
    LoopbackCluster cluster(Options());
    return cluster.Run();
  }

  std::vector<std::string> Query(const std::string& sql) { return database_.Query(sql); }

  SqliteFile source_;
  TestDatabase database_;
};

inline const core::TableReport& Table(const core::Report& report, const std::string& source) {
  for (const core::TableReport& table : report.tables) {
    if (table.source == source) return table;
  }
  ADD_FAILURE() << "no table " << source;
  static const core::TableReport none;
  return none;
}

inline std::vector<std::string> FailedChecks(const core::Report& report) {
  std::vector<std::string> failed;
  for (const core::CheckReport& check : report.checks) {
    if (check.verdict == "fail") failed.push_back(absl::StrCat(check.name, " ", check.table, " ", check.verdict));
  }
  return failed;
}

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_MIGRATION_FIXTURE_H_
