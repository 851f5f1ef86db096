#ifndef VECFERRY_TESTS_SUPPORT_STRUCTURE_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_STRUCTURE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/draw_plan.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"
#include "tests/support/told_findings.h"
#include "tests/support/vestige_store.h"
#include "verifier/structure.h"

namespace vecferry::testing {

// A store's plan, and a destination that its statements made, without rows, in schema `mem`.
class StructureTest : public ::testing::Test {
 protected:
  // Every kind of column, key and index that a generic plan has.
  void WriteGenericStore() {
    source_.Run(absl::StrCat(
        "CREATE TABLE people (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT 'nobody', "
        "email TEXT UNIQUE, city TEXT DEFAULT 'of \"mem\".\"people\"', zip TEXT);"
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, person INTEGER REFERENCES people(id), body TEXT, at DATETIME, "
        "embedding BLOB);"
        "CREATE TABLE plain (a TEXT, b REAL);"
        "CREATE INDEX notes_by_person ON notes(person);"
        "CREATE UNIQUE INDEX people_by_place ON people(city, zip);"
        "INSERT INTO people VALUES (1, 'Ada', 'a@x', 'London', '1'), (2, 'Grace', NULL, 'York', '2'), "
        "(90, 'x', NULL, NULL, NULL); DELETE FROM people WHERE id = 90;"
        "INSERT INTO notes VALUES (1, 1, 'note', '2026-01-01 10:00:00', ",
        VectorLiteral({0.5F, 1, -2}), ");"));
  }

  // `catalog`: what the destination holds already.
  void DrawAndMake(const postgres::Catalog* catalog = nullptr, const std::string& schema = "mem") {
    source_.Close();
    core::Identity identity = MakeIdentity(source_);
    identity.destination_schema = schema;
    const absl::StatusOr<core::Plan> plan = DrawPlan(source_, identity, catalog);
    ASSERT_THAT(plan, IsOk());
    plan_ = *plan;
    Make();
  }

  void Make() {
    const std::string& schema = plan_.identity.destination_schema;
    database_.Run(absl::StrCat("CREATE SCHEMA IF NOT EXISTS ", core::QuoteIdentifier(schema)));
    for (const std::string& sql : plan_.setup_sql) database_.Run(sql);
    for (const core::Table& table : plan_.tables) {
      if (!table.existed) database_.Run(table.create_sql);
    }
    for (const std::string& sql : plan_.seed_sql) database_.Run(sql);
    for (const core::FinishStep& step : plan_.steps) {
      if (!step.sql.empty()) database_.Run(step.sql);
      if (step.kind == core::StepKind::kSequence && step.value > 0) {
        database_.Run(absl::StrCat("SELECT setval(pg_get_serial_sequence(",
                                   core::QuoteLiteral(core::QualifiedName(schema, step.table)), ", ",
                                   core::QuoteLiteral(step.name), "), ", step.value, ")"));
      }
    }
  }

  postgres::Catalog ReadCatalog() {
    postgres::Connection session = database_.Connect();
    absl::StatusOr<postgres::Catalog> catalog = postgres::ReadCatalog(session, "mem");
    EXPECT_THAT(catalog, IsOk());
    return catalog.ok() ? *catalog : postgres::Catalog();
  }

  // Checks on a session of its own, which is left as it was.
  void Check(bool indexes_wanted = true) {
    postgres::Connection session = database_.Connect();
    Check(session, indexes_wanted);
  }

  void Check(postgres::Connection& session, bool indexes_wanted = true) {
    told_ = ToldFindings();
    unreadable_.clear();
    const std::string settings = SettingsOf(session);
    EXPECT_THAT(verifier::CheckStructure(session, plan_, indexes_wanted, unreadable_, told_), IsOk());
    EXPECT_FALSE(session.in_transaction());
    EXPECT_EQ(SettingsOf(session), settings);
  }

  // The session, before a check, as that of a role that may read and nothing else; `grants`: more SQL as the owner.
  postgres::Connection ConnectAsReader(const std::string& grants = "") {
    role_ = absl::StrCat("reader_", database_.name());
    database_.Run(absl::StrCat("CREATE ROLE ", role_, "; GRANT USAGE ON SCHEMA mem TO ", role_,
                               "; GRANT SELECT ON ALL TABLES IN SCHEMA mem TO ", role_,
                               "; GRANT SELECT ON ALL SEQUENCES IN SCHEMA mem TO ", role_));
    if (!grants.empty()) database_.Run(grants);
    postgres::Connection session = database_.Connect();
    EXPECT_THAT(session.ExecuteScript(absl::StrCat("SET ROLE ", role_)), IsOk());
    return session;
  }

  void TearDown() override {
    if (!role_.empty()) database_.Run(absl::StrCat("DROP OWNED BY ", role_, "; DROP ROLE ", role_));
  }

  static std::string SettingsOf(postgres::Connection& session) {
    const auto settings = session.Execute(
        "SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN ('search_path', "
        "'client_min_messages', 'enable_seqscan', 'enable_sort', 'transaction_read_only', 'transaction_isolation')");
    EXPECT_THAT(settings, IsOk());
    return settings.ok() ? std::string(settings->text(0, 0)) : "";
  }

  SqliteFile source_;
  TestDatabase database_;
  core::Plan plan_;
  ToldFindings told_;
  std::set<std::string> unreadable_;
  std::string role_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_STRUCTURE_FIXTURE_H_
