// The coordinator's pure parts: identities, failure texts, what a changed source affects, memory of index builds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/build_settings.h"
#include "coordinator/failure_text.h"
#include "coordinator/identity.h"
#include "coordinator/orphans.h"
#include "coordinator/planning.h"
#include "coordinator/request.h"
#include "coordinator/resume.h"
#include "coordinator/stage_clock.h"
#include "coordinator/steps.h"

namespace vecferry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

core::Identity SomeIdentity() {
  core::Identity identity;
  identity.source_path = "/stores/memories.db";
  identity.destination_schema = "public";
  identity.profile = "auto";
  return identity;
}

TEST(RequestTest, IsBroughtIntoTheFormThatIdentitiesAreComparedBy) {
  rpc::StartOptions asked;
  asked.identity = SomeIdentity();
  asked.identity.only = {"b", "a", "b"};
  const absl::StatusOr<rpc::StartOptions> checked = CheckRequest(asked, Life::kCommand);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_THAT(checked->identity.only, ElementsAre("a", "b"));
  asked.connections_max = 2;
  EXPECT_THAT(std::string(CheckRequest(asked, Life::kCommand).status().message()),
              HasSubstr("connections_max: 2; allowed: 3 to 64"));
}

TEST(RequestTest, NamesAPathFromTheRootWhereItIsAnotherProcesses) {
  rpc::StartOptions asked;
  asked.identity = SomeIdentity();
  asked.identity.source_path = "notes.db";
  EXPECT_TRUE(CheckRequest(asked, Life::kCommand).ok());
  EXPECT_THAT(std::string(CheckRequest(asked, Life::kService).status().message()),
              HasSubstr("'notes.db' is opened where the coordinator runs"));
}

TEST(OptionsTest, ReadBackAsTheyWere) {
  rpc::StartOptions options;
  options.connection = "or\"de%rs\n";
  options.connections_max = 9;
  options.readers = 3;
  options.writers = 5;
  options.batch_rows_max = 77;
  options.rejects_max = 123'456'789'012;
  options.no_indexes = options.no_verify = true;
  options.on_source_change = "fail";
  const std::string json = OptionsJson(options, Life::kService);
  const absl::StatusOr<rpc::StartOptions> read = ParseOptions(json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(OptionsJson(*read, Life::kService), json);
  EXPECT_EQ(read->connection, options.connection);
  EXPECT_EQ(read->rejects_max, options.rejects_max);
}

TEST(OptionsTest, TellWhatWasForAService) {
  EXPECT_TRUE(*IsForService(OptionsJson({}, Life::kService)));
  EXPECT_FALSE(*IsForService(OptionsJson({}, Life::kCommand)));
  EXPECT_EQ(IsForService("[]").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseOptions(R"({"readers": "many"})").status().code(), absl::StatusCode::kDataLoss);
}

TEST(IdentityTextTest, DiffersWhereAnyFieldDiffers) {
  const core::Identity one = SomeIdentity();
  std::vector<core::Identity> others(10, one);
  others[0].source_path = "/stores/memories2.db";
  others[1].destination_schema = "other";
  others[2].profile = "generic";
  others[3].only = {"a"};
  others[4].skip = {"a"};
  others[5].vector_columns = {"a.b:3"};
  others[6].on_conflict = "update";
  others[7].max_row_bytes = 1;
  others[8].allow_model_mismatch = true;
  others[9].source_kind = "postgres";
  for (const core::Identity& other : others) EXPECT_NE(IdentityText(other), IdentityText(one));
  EXPECT_EQ(IdentityText(SomeIdentity()), IdentityText(one));
}

TEST(IdentityTextTest, KeepsListsApart) {
  core::Identity two = SomeIdentity(), one = SomeIdentity();
  two.only = {"a", "b"};
  one.only = {"a\",\"b"};
  EXPECT_NE(IdentityText(two), IdentityText(one));
}

TEST(IdentityTextTest, IsPlainTextForPathsThatAreNoUtf8) {
  core::Identity identity = SomeIdentity();
  identity.source_path = "/a\xff\n\"%";
  EXPECT_THAT(IdentityText(identity), HasSubstr("\"source_path\":\"/a%ff%0a%22%25\""));
}

TEST(FailureTextTest, IsOneLineThatSaysWhatToDo) {
  EXPECT_EQ(FailureText(absl::InternalError("disk full\nDETAIL: 3 bytes left.")),
            "disk full; DETAIL: 3 bytes left: fix it and run the same command again");
  EXPECT_EQ(FailureText(absl::UnavailableError("connection lost")), "connection lost: run the same command again");
  EXPECT_EQ(FailureText(absl::InternalError("cut: run the same command again")), "cut: run the same command again");
}

TEST(StageClockTest, TellsEachPieceOnce) {
  StageClock clock;
  clock.Begin(&core::StageSeconds::copy, absl::Seconds(10));
  EXPECT_DOUBLE_EQ(clock.Take(absl::Seconds(12)).copy, 2);
  const core::StageSeconds more = clock.Take(absl::Seconds(15));
  EXPECT_DOUBLE_EQ(more.copy, 3);
  EXPECT_DOUBLE_EQ(more.total, 3);
  EXPECT_DOUBLE_EQ(more.finish, 0);
  clock.End();
  EXPECT_DOUBLE_EQ(clock.Take(absl::Seconds(20)).copy, 0);
}

core::Plan ThreeTables() {
  core::Plan plan;
  for (const char* table : {"parents", "children", "others", "children"}) {
    core::Mapping mapping;
    mapping.id = static_cast<int>(plan.mappings.size());
    mapping.source_table = mapping.destination_table = table;
    plan.mappings.push_back(mapping);
  }
  core::FinishStep step;
  step.kind = core::StepKind::kForeignKey;
  step.table = "children";
  step.columns = {"parent", "part"};
  step.parent_table = "parents";
  step.parent_columns = {"id", "no"};
  plan.steps.push_back(step);
  return plan;
}

TEST(AffectedMappingsTest, AreAllThatLoadIntoAChangedTable) {
  EXPECT_THAT(AffectedMappings(ThreeTables(), {1}, {}), ElementsAre(1, 3));
  EXPECT_THAT(AffectedMappings(ThreeTables(), {2}, {}), ElementsAre(2));
}

TEST(AffectedMappingsTest, AreAlsoThoseWhoseRowsLostAParentThere) {
  EXPECT_THAT(AffectedMappings(ThreeTables(), {0}, {}), ElementsAre(0));
  EXPECT_THAT(AffectedMappings(ThreeTables(), {0}, {1}), ElementsAre(0, 1, 3));
  EXPECT_THAT(AffectedMappings(ThreeTables(), {2}, {1}), ElementsAre(2));
}

TEST(OrphanConditionTest, LeavesRowsAloneThatNameNoParent) {
  EXPECT_EQ(OrphanCondition("s", ThreeTables().steps[0]),
            "c.\"parent\" IS NOT NULL AND c.\"part\" IS NOT NULL AND NOT EXISTS (SELECT FROM \"s\".\"parents\" p WHERE "
            "p.\"id\" = c.\"parent\" AND p.\"no\" = c.\"part\")");
}

TEST(LockTablesTest, LocksBothSidesOfAForeignKey) {
  EXPECT_EQ(LockTables("s", ThreeTables().steps[0]),
            "LOCK TABLE \"s\".\"children\", \"s\".\"parents\" IN SHARE ROW EXCLUSIVE MODE");
}

TEST(BuildMemoryTest, CoversTheGraphWithinItsBounds) {
  EXPECT_GT(HnswGraphBytes(100'000, 768), 100'000LL * (4 * 768 + 32 * 16));
  EXPECT_EQ(BuildMemoryKb(100LL << 20, 64 << 10, 128 << 10), 100 << 10);
  EXPECT_EQ(BuildMemoryKb(1, 64 << 10, 128 << 10), 64 << 10);
  EXPECT_EQ(BuildMemoryKb(100LL << 30, 64 << 10, 128 << 10), 512 << 10);  // a server of unknown size
  EXPECT_EQ(BuildMemoryKb(100LL << 30, 64 << 10, 4 << 20), 4 << 20);      // a large one
  EXPECT_EQ(BuildMemoryKb(1, 8 << 20, 128 << 10), 8 << 20);               // never below its own
}

postgres::Catalog GoodCatalog() {
  postgres::Catalog catalog;
  catalog.server_version = 150000;
  catalog.encoding = "UTF8";
  catalog.extension_available = "0.8.0";
  catalog.may_create = catalog.may_create_schema = true;
  return catalog;
}

TEST(CheckDestinationTest, PassesAServerThatCanTakeTheRows) {
  EXPECT_EQ(CheckDestination(GoodCatalog(), "public", false), absl::OkStatus());
}

TEST(CheckDestinationTest, NamesWhatStandsInTheWay) {
  postgres::Catalog catalog = GoodCatalog();
  catalog.encoding = "SQL_ASCII";
  EXPECT_THAT(CheckDestination(catalog, "public", true).message(), HasSubstr("SQL_ASCII"));
  catalog = GoodCatalog();
  catalog.extension_available = "";
  EXPECT_THAT(CheckDestination(catalog, "public", true).message(), HasSubstr("pgvector"));
  catalog.extension_version = "0.8.0";
  EXPECT_TRUE(CheckDestination(catalog, "public", true).ok());
  catalog = GoodCatalog();
  catalog.server_version = 120017;
  EXPECT_THAT(CheckDestination(catalog, "public", true).message(), HasSubstr("13"));
  catalog = GoodCatalog();
  catalog.may_create = false;
  EXPECT_TRUE(absl::IsPermissionDenied(CheckDestination(catalog, "public", true)));
  catalog = GoodCatalog();
  catalog.extension_version = "0.8.0";
  catalog.may_create_schema = false;
  EXPECT_TRUE(absl::IsPermissionDenied(CheckDestination(catalog, "public", /*ledger_exists=*/false)));
  EXPECT_TRUE(CheckDestination(catalog, "public", /*ledger_exists=*/true).ok());
}

TEST(CheckDestinationTest, RefusesSchemasThatAreNotForTables) {
  for (const char* schema : {"", "vecferry", "pg_catalog", "information_schema"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(CheckDestination(GoodCatalog(), schema, true))) << schema;
  }
}

}  // namespace
}  // namespace vecferry::coordinator
