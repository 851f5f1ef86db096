#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/core/record.h"
#include "tests/support/draw_plan.h"
#include "tests/support/status_matchers.h"
#include "tests/support/vestige_store.h"

namespace vecferry::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Every version with something new for the profile.
class VestigeVersionTest : public ::testing::TestWithParam<int> {};

TEST_P(VestigeVersionTest, HasAPlaceForEveryColumn) {
  SqliteFile file;
  MakeVestigeStore(file, {.version = GetParam(), .damages = AllDamages()});
  const absl::StatusOr<core::Plan> plan = DrawPlan(file, MakeIdentity(file));
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->profile, "vestige");
  EXPECT_EQ(plan->schema_version, absl::StrCat(GetParam()));
  EXPECT_THAT(ForgottenColumns(file, *plan), IsEmpty());
  for (const char* table : {"knowledge_nodes", "scheduling", "edges", "knowledge_node_embeddings", "embedding_model",
                            "domains", "users", "groups", "group_memberships", "review_events"}) {
    EXPECT_TRUE(std::any_of(plan->tables.begin(), plan->tables.end(), [&](const core::Table& candidate) {
      return candidate.name == table;
    })) << table;
  }
  EXPECT_EQ(TypeOf(*plan, "knowledge_nodes", "embedding"), "vector(8)");
  EXPECT_EQ(TypeOf(*plan, "knowledge_node_embeddings", "embedding"), "vector");
  EXPECT_NE(FindStep(*plan, core::StepKind::kIndex, "idx_knowledge_nodes_embedding_hnsw"), nullptr);
}

TEST_P(VestigeVersionTest, CountsEachSourceRowOnce) {
  SqliteFile file;
  MakeVestigeStore(file, {.version = GetParam()});
  const absl::StatusOr<core::Plan> plan = DrawPlan(file, MakeIdentity(file));
  ASSERT_THAT(plan, IsOk());
  std::set<std::string> counted;
  for (const core::Mapping& mapping : plan->mappings) {
    if (mapping.counted) {
      EXPECT_TRUE(counted.insert(mapping.source_table).second) << mapping.source_table;
    }
    for (const int parent : mapping.parents) EXPECT_LT(parent, mapping.id) << mapping.source_table;
  }
  const core::Mapping* schedule = FindMapping(*plan, "knowledge_nodes", "scheduling");
  ASSERT_NE(schedule, nullptr);
  EXPECT_FALSE(schedule->counted);
  const core::Mapping* nodes = FindMapping(*plan, "knowledge_nodes", "knowledge_nodes");
  EXPECT_EQ(schedule->counted_by, nodes->id);
  // What is kept of a rejected memory is enough to make its schedule later.
  EXPECT_EQ(schedule->from_sql, nodes->from_sql);
  for (const core::Input& input : schedule->inputs) {
    EXPECT_TRUE(std::any_of(nodes->inputs.begin(), nodes->inputs.end(), [&](const core::Input& read) {
      return read.sql == input.sql;
    })) << input.sql;
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, VestigeVersionTest, ::testing::Values(1, 2, 3, 5, 14, 16, 18, 24, 28, 32));

class VestigeTest : public ::testing::Test {
 protected:
  void Make(VestigeStoreOptions options) {
    MakeVestigeStore(file_, options);
    identity_ = MakeIdentity(file_);
  }
  core::Plan Draw(const postgres::Catalog* destination = nullptr) {
    file_.Close();
    absl::StatusOr<core::Plan> plan = DrawPlan(file_, identity_, destination);
    EXPECT_THAT(plan, IsOk());
    return plan.ok() ? *plan : core::Plan();
  }
  // Rows of a mapping, by one of its columns' inputs.
  std::vector<std::string> Read(const core::Mapping& mapping, const std::string& column, const std::string& where) {
    const core::Column* found = FindColumn(mapping, column);
    return file_.Query(absl::StrCat("SELECT ", mapping.inputs[found->input].sql, " FROM ", mapping.from_sql, " WHERE ",
                                    where, " ORDER BY t.rowid"));
  }
  SqliteFile file_;
  core::Identity identity_;
};

TEST_F(VestigeTest, MovesWhatTheMappingSays) {
  Make({.version = 18});
  const core::Plan plan = Draw();
  const core::Mapping* nodes = FindMapping(plan, "knowledge_nodes", "knowledge_nodes");
  EXPECT_EQ(FindColumn(*nodes, "id")->conversion, core::Conversion::kId);
  EXPECT_EQ(FindColumn(*nodes, "embedding")->conversion, core::Conversion::kMainVector);
  EXPECT_EQ(nodes->columns.back().conversion, core::Conversion::kMetadata);
  for (const char* indexed : {"tags", "node_type"}) {
    EXPECT_EQ(FindColumn(*nodes, indexed)->element_bytes_max, 2000) << indexed;
  }
  EXPECT_EQ(TypeOf(plan, "knowledge_nodes", "tags"), "text[]");
  EXPECT_EQ(TypeOf(plan, "knowledge_nodes", "domain_scores"), "jsonb");
  EXPECT_EQ(TypeOf(plan, "knowledge_nodes", "last_accessed"), "text");
  EXPECT_EQ(TypeOf(plan, "knowledge_nodes", "waking_tag"), "boolean");
  EXPECT_EQ(TypeOf(plan, "knowledge_nodes", "source_id"), "text");  // a connector's id, not a memory's
  const core::Column* created = FindColumn(*nodes, "created_at");
  ASSERT_THAT(created->fallback_inputs, SizeIs(1));
  EXPECT_EQ(nodes->inputs[created->fallback_inputs[0]].source_column, "updated_at");
  EXPECT_EQ(created->fallback, "1970-01-01T00:00:00Z");
  const core::Mapping* edges = FindMapping(plan, "memory_connections", "edges");
  EXPECT_THAT(edges->conflict_key, ElementsAre("source_id", "target_id", "edge_type"));
  EXPECT_EQ(FindColumn(*edges, "source_id")->conversion, core::Conversion::kIdReference);
  EXPECT_EQ(TypeOf(plan, "edges", "activation_count"), "bigint");
  const core::Mapping* embeddings = FindMapping(plan, "node_embeddings", "knowledge_node_embeddings");
  EXPECT_THAT(embeddings->conflict_key, ElementsAre("node_id", "origin", "profile_id", "model"));
  EXPECT_EQ(FindColumn(*embeddings, "model")->null_value, "");
  EXPECT_EQ(TypeOf(plan, "domains", "centroid"), "vector");
  EXPECT_THAT(Read(*FindMapping(plan, "domains", "domains"), "centroid", "t.id = 'domain-1'"), ElementsAre("NULL"));
}

TEST_F(VestigeTest, KnowsWhichColumnsNameMemories) {
  Make({.version = 32});
  const core::Plan plan = Draw();
  const auto conversion = [&](const char* table, const char* column) {
    return FindColumn(*FindMapping(plan, table, table), column)->conversion;
  };
  EXPECT_EQ(conversion("fsrs_cards", "memory_id"), core::Conversion::kIdReference);
  EXPECT_EQ(conversion("memory_access_log", "node_id"), core::Conversion::kIdReference);
  EXPECT_EQ(conversion("deletion_tombstones", "memory_id"), core::Conversion::kIdMention);
  EXPECT_EQ(conversion("vector_journal", "node_id"), core::Conversion::kIdMention);
  EXPECT_EQ(conversion("composition_members", "memory_id"), core::Conversion::kIdMention);
  EXPECT_NE(FindStep(plan, core::StepKind::kForeignKey, "fsrs_cards_memory_id_fkey"), nullptr);
  EXPECT_EQ(FindStep(plan, core::StepKind::kForeignKey, "vector_journal_node_id_fkey"), nullptr);
  EXPECT_EQ(TypeOf(plan, "synaptic_tags", "tagged_ms"), "bigint");
  EXPECT_EQ(TypeOf(plan, "receipt_signing_keys", "public_key"), "bytea");
}

TEST_F(VestigeTest, FindsIdsThatAreOneUuid) {
  Make({.version = 18, .damages = {Damage::kSameIdTwice, Damage::kForeignId, Damage::kNullIds}});
  const core::Plan plan = Draw();
  const core::Mapping* nodes = FindMapping(plan, "knowledge_nodes", "knowledge_nodes");
  const std::string rowid = file_.Query("SELECT rowid FROM knowledge_nodes WHERE id LIKE '%BB' ORDER BY 1 DESC")[0];
  const std::vector<core::ValueView> second = {core::ValueView::Integer(std::stoll(rowid))};
  EXPECT_THAT(nodes->duplicates, ElementsAre(core::EncodeRecord(second)));
  EXPECT_EQ(FindMapping(plan, "knowledge_nodes", "scheduling")->duplicates, nodes->duplicates);
}

TEST_F(VestigeTest, TakesTheModelOfMostRowsWhereNothingIsRegistered) {
  Make({.version = 16, .registry = false, .damages = {Damage::kOtherModel, Damage::kOtherDimension}});
  const core::Plan plan = Draw();
  ASSERT_TRUE(plan.main_model);
  EXPECT_EQ(plan.main_model->name, "test/model-small");
  EXPECT_EQ(plan.main_model->dimension, 8);
  EXPECT_TRUE(HasNote(plan, "inferred from its vectors"));
  EXPECT_TRUE(std::any_of(plan.seed_sql.begin(), plan.seed_sql.end(), [](const std::string& sql) {
    return absl::StrContains(sql, "\"embedding_model\"") && absl::StrContains(sql, "'test/model-small', 8, ''");
  }));
  // Another model's vector of the same length is no main vector.
  const core::Mapping* nodes = FindMapping(plan, "knowledge_nodes", "knowledge_nodes");
  EXPECT_THAT(Read(*nodes, "embedding", "t.id IN (SELECT node_id FROM node_embeddings WHERE model = 'test/model-x')"),
              ElementsAre("NULL"));
  const core::Mapping* embeddings = FindMapping(plan, "node_embeddings", "knowledge_node_embeddings");
  EXPECT_THAT(Read(*embeddings, "is_main", "t.model = 'test/model-x'"), ElementsAre("0"));
  EXPECT_THAT(Read(*embeddings, "is_main", "length(t.embedding) <> 32"), ElementsAre("0"));
}

TEST_F(VestigeTest, TakesTheActiveProfilesModel) {
  Make({.version = 28});
  file_.Run("UPDATE embedding_model SET name = 'test/model-old', dimension = 4");
  const core::Plan plan = Draw();
  EXPECT_EQ(plan.main_model->name, "test/model-small");
  EXPECT_EQ(plan.main_model->dimension, 8);
  const core::Mapping* vectors = FindMapping(plan, "embedding_profile_vectors", "knowledge_node_embeddings");
  EXPECT_THAT(Read(*vectors, "is_main", "t.profile_id = 'test-other'"), ElementsAre("0"));
  EXPECT_THAT(Read(*vectors, "is_main", absl::StrCat("t.node_id = '", MemoryId(1), "'")), ElementsAre("1"));
  const core::Mapping* mirror = FindMapping(plan, "node_embeddings", "knowledge_node_embeddings");
  EXPECT_THAT(Read(*mirror, "is_main", absl::StrCat("t.node_id = '", MemoryId(1), "'")), ElementsAre("0"));
  // The registry's own row differs: the destination's states the main model, an issue keeps the row whole.
  const core::Mapping* registry = FindMapping(plan, "embedding_model", "embedding_model");
  EXPECT_THAT(Read(*registry, "name", "1"), ElementsAre("test/model-small"));
  EXPECT_THAT(Read(*registry, "dimension", "1")[0], AllOf(HasSubstr("'test/model-old'"), HasSubstr("'hash-1'")));
  EXPECT_EQ(FindColumn(*registry, "dimension")->fallback, "8");
}

TEST_F(VestigeTest, LetsAWiderMirrorWinOnlyUnderTheLegacyProfile) {
  Make({.version = 28, .active_profile = "nomic-v1.5-legacy-raw-256"});
  const std::string wide = VectorLiteral(std::vector<float>(16, 0.5F));
  file_.Run(absl::StrCat("UPDATE node_embeddings SET embedding = ", wide, " WHERE node_id = '", MemoryId(2), "'"));
  core::Plan plan = Draw();
  EXPECT_EQ(plan.main_model->dimension, 8);
  const std::string second = absl::StrCat("t.id = '", MemoryId(2), "'");
  const auto length = [&](const core::Plan& drawn) {
    const core::Mapping* nodes = FindMapping(drawn, "knowledge_nodes", "knowledge_nodes");
    return file_.Query(absl::StrCat("SELECT length(", nodes->inputs[FindColumn(*nodes, "embedding")->input].sql,
                                    ") FROM ", nodes->from_sql, " WHERE ", second))[0];
  };
  EXPECT_EQ(length(plan), "64");  // of another dimension, so the memory has no main vector
  const core::Mapping* vectors = FindMapping(plan, "embedding_profile_vectors", "knowledge_node_embeddings");
  EXPECT_THAT(Read(*vectors, "is_main", absl::StrCat("t.node_id = '", MemoryId(2), "'")), ElementsAre("0"));
  file_.Run(
      "PRAGMA foreign_keys = OFF; UPDATE embedding_profiles SET profile_id = 'mine' WHERE status = 'active';"
      "UPDATE embedding_profile_vectors SET profile_id = 'mine' WHERE profile_id LIKE 'nomic%';"
      "UPDATE embedding_profile_state SET active_profile_id = 'mine'");
  EXPECT_EQ(length(Draw()), "32");
}

TEST_F(VestigeTest, StopsAtAnotherModelOfTheDestination) {
  Make({.version = 18});
  postgres::Catalog destination;
  destination.schema_exists = true;
  destination.registry = core::EmbeddingModel{"test/model-large", 16, "hash-9"};
  EXPECT_THAT(DrawPlan(file_, identity_, &destination),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("ModelMismatch"), HasSubstr("test/model-large (16 dimensions)"),
                             HasSubstr("test/model-small (8 dimensions)"), HasSubstr("--schema"),
                             HasSubstr("--allow-model-mismatch"))));
  identity_.allow_model_mismatch = true;
  const core::Plan plan = Draw(&destination);
  EXPECT_EQ(plan.main_model->name, "test/model-large");
  EXPECT_EQ(TypeOf(plan, "knowledge_nodes", "embedding"), "vector(16)");
  const core::Mapping* embeddings = FindMapping(plan, "node_embeddings", "knowledge_node_embeddings");
  for (const std::string& main : Read(*embeddings, "is_main", "1")) EXPECT_EQ(main, "0");
}

TEST_F(VestigeTest, TakesAnotherHashAloneForANote) {
  Make({.version = 18});
  postgres::Catalog destination;
  destination.registry = core::EmbeddingModel{"test/model-small", 8, "hash-9"};
  const core::Plan plan = Draw(&destination);
  EXPECT_TRUE(HasNote(plan, "hash-9"));
  EXPECT_EQ(plan.main_model->hash, "hash-9");
}

TEST_F(VestigeTest, LetsABoundColumnDecideWithoutARegistry) {
  Make({.version = 18});
  postgres::Catalog destination;
  postgres::CatalogColumn embedding;
  embedding.name = "embedding";
  embedding.type = "vector(16)";
  embedding.typmod = 16;
  destination.tables["knowledge_nodes"].columns = {embedding};
  EXPECT_THAT(DrawPlan(file_, identity_, &destination),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("ModelMismatch")));
}

TEST_F(VestigeTest, KeepsTablesOfTheSameNameAndAnotherShape) {
  Make({.version = 18});
  file_.Run("CREATE TABLE edges (a INTEGER PRIMARY KEY, b TEXT); CREATE TABLE users (name TEXT PRIMARY KEY)");
  const core::Plan plan = Draw();
  EXPECT_THAT(ForgottenColumns(file_, plan), IsEmpty());
  EXPECT_TRUE(HasNote(plan, "table edges is named edges_"));
  EXPECT_TRUE(HasNote(plan, "table users is named users_"));
}

TEST_F(VestigeTest, CarriesTheSourcesOwnUsers) {
  Make({.version = 18});
  file_.Run(
      "CREATE TABLE users (id TEXT PRIMARY KEY, handle TEXT NOT NULL UNIQUE, note TEXT); INSERT INTO users VALUES "
      "('0b8d6c1e-0000-4000-8000-000000000077', 'local', 'mine')");
  const core::Plan plan = Draw();
  ASSERT_NE(FindMapping(plan, "users", "users"), nullptr);
  EXPECT_EQ(TypeOf(plan, "users", "note"), "text");
  for (const std::string& sql : plan.seed_sql) EXPECT_THAT(sql, ::testing::Not(HasSubstr("\"users\"")));
  for (const core::Table& table : plan.tables) {
    if (table.name == "knowledge_nodes") {
      EXPECT_THAT(table.create_sql, HasSubstr("-000000000077'"));
    }
  }
}

}  // namespace
}  // namespace vecferry::testing
