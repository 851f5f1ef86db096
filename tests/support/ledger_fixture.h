#ifndef VECFERRY_TESTS_SUPPORT_LEDGER_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_LEDGER_FIXTURE_H_

#include <gmock/gmock.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/postgres/ledger.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_postgres.h"

namespace vecferry::testing {

inline constexpr char kFirst[] = "11111111-aaaa-4aaa-8aaa-111111111111";
inline constexpr char kSecond[] = "22222222-bbbb-4bbb-8bbb-222222222222";

// One mapping a table, each with so many shards.
inline core::Plan MakePlan(const std::vector<std::string>& tables, int shards) {
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

inline absl::Status Insert(postgres::Connection& session, const std::string& id, const core::Plan& plan,
                           const std::string& identity = "identity", const std::string& schema = "public") {
  postgres::MigrationRow row;
  row.id = id;
  row.identity = identity;
  row.plan = std::string("\0plan\xff", 6);
  row.options = R"({"rejects_max": 7})";
  row.program_version = "0.1.0";
  RETURN_IF_ERROR(session.ExecuteScript("BEGIN"));
  const absl::Status status = postgres::InsertMigration(session, row, plan, schema);
  RETURN_IF_ERROR(session.ExecuteScript(status.ok() ? "COMMIT" : "ROLLBACK"));
  return status;
}

inline postgres::CoordinatorIdentity Self() { return {"here", "boot", getpid()}; }

// A database with an empty ledger.
class LedgerTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_THAT(postgres::EnsureLedger(session_), IsOk()); }
  // A migration with `shards` shards of one table, driven by us.
  std::uint64_t Start(const core::Plan& plan) {
    EXPECT_THAT(Insert(session_, kFirst, plan), IsOk());
    const auto epoch = postgres::TakeCoordination(session_, kFirst, Self(), absl::ZeroDuration());
    EXPECT_THAT(epoch, IsOk());
    return *epoch;
  }
  TestDatabase db_;
  postgres::Connection session_ = db_.Connect();
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_LEDGER_FIXTURE_H_
