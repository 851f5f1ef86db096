#include "common/profile/vestige.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/profile/bootstrap.h"
#include "common/profile/generic.h"
#include "common/profile/source.h"
#include "common/profile/vestige_tables.h"

namespace vecferry::profile {
namespace {

using core::Conversion;
using sqlite::SourceColumn;
using sqlite::SourceTable;

const std::vector<std::string>& KeyColumns() {
  static const std::vector<std::string> columns = {"id", "content", "node_type", "created_at", "updated_at"};
  return columns;
}

// Tables of the store's versions in which memory_id and node_id name memories.
bool IsKnownTable(const std::string& name) {
  static const std::set<std::string> names = {"memory_states",
                                              "fsrs_cards",
                                              "state_transitions",
                                              "memory_access_log",
                                              "deletion_tombstones",
                                              "knowledge_edges",
                                              "compressed_memories",
                                              "composition_members",
                                              "embedding_profile_migration_checkpoints",
                                              "code_memory_anchors",
                                              "vector_journal",
                                              "synaptic_tags",
                                              "synaptic_events",
                                              "synaptic_capture_items",
                                              "retrieval_replay_capsules",
                                              "retrieval_replay_items",
                                              "counterfactual_replays",
                                              "memory_receipts",
                                              "memory_prs",
                                              "agent_traces",
                                              "receipt_disclosures",
                                              "artifact_lineage",
                                              "failure_feedback",
                                              "suppression_operations",
                                              "suppression_cascade_effects",
                                              "memory_connections"};
  return names.count(name) != 0;
}

bool NamesMemory(const SourceTable& table, const std::string& column) {
  const bool edge = table.name == "memory_connections" || table.name == "knowledge_edges";
  if (edge && (absl::EqualsIgnoreCase(column, "source_id") || absl::EqualsIgnoreCase(column, "target_id"))) return true;
  return IsKnownTable(table.name) &&
         (absl::EqualsIgnoreCase(column, "memory_id") || absl::EqualsIgnoreCase(column, "node_id"));
}

// A declared reference has its memory, or is an orphan; an undeclared one may name a memory that is long gone.
std::optional<Conversion> MemoryRule(const SourceTable& table, const SourceColumn& column) {
  for (const sqlite::SourceForeignKey& key : table.foreign_keys) {
    if (key.columns.size() != 1 || !absl::EqualsIgnoreCase(key.columns[0], column.name)) continue;
    if (absl::EqualsIgnoreCase(key.parent_table, "knowledge_nodes")) return Conversion::kIdReference;
  }
  return NamesMemory(table, column.name) ? std::optional(Conversion::kIdMention) : std::nullopt;
}

// A source table that the plan has a place for.
struct Placed {
  PlannedTable planned;
  std::string source;               // its table in the source
  std::vector<std::string> needed;  // columns without which the table is another one of that name
  Extras extras = Extras::kCarry;
};

const SourceTable* Find(const std::vector<const SourceTable*>& tables, const Placed& placed) {
  for (const SourceTable* table : tables) {
    if (table->name == placed.source && HasColumns(*table, placed.needed)) return table;
  }
  return nullptr;
}

std::vector<Placed> PlacedTables(const Draft& draft, const MainModel& main) {
  return {{PlanUsers(), "users", {"id", "handle"}},
          {PlanGroups(), "groups", {"id", "handle"}},
          {PlanGroupMemberships(), "group_memberships", {"user_id", "group_id"}},
          {PlanRegistry(main), "embedding_model", {"id", "name", "dimension", "hash", "created_at"}},
          {PlanDomains(), "domains", {"id", "label", "centroid"}},
          {PlanKnowledgeNodes(draft, main), "knowledge_nodes", KeyColumns()},
          {PlanEdges(), "memory_connections", {"source_id", "target_id", "link_type"}},
          {PlanNodeEmbeddings("node_embeddings", main), "node_embeddings", {"node_id", "embedding"}, Extras::kNullable},
          {PlanNodeEmbeddings("embedding_profile_vectors", main),
           "embedding_profile_vectors",
           {"profile_id", "node_id", "embedding"},
           Extras::kNullable},
          {PlanReviewEvents(), "review_events", {"id", "memory_id", "timestamp", "rating"}}};
}

void AddRelations(Draft& draft) {
  const std::string cascade = " ON DELETE CASCADE";
  ReferTo(draft, "knowledge_nodes", {"owner_user_id"}, "users", "");
  ReferTo(draft, "group_memberships", {"user_id"}, "users", cascade);
  ReferTo(draft, "group_memberships", {"group_id"}, "groups", cascade);
  ReferTo(draft, "scheduling", {"memory_id"}, "knowledge_nodes", cascade);
  ReferTo(draft, "edges", {"source_id"}, "knowledge_nodes", cascade);
  ReferTo(draft, "edges", {"target_id"}, "knowledge_nodes", cascade);
  ReferTo(draft, "knowledge_node_embeddings", {"node_id"}, "knowledge_nodes", cascade);
  ReferTo(draft, "review_events", {"memory_id"}, "knowledge_nodes", cascade);
}

void AddIndexes(Draft& draft, const MainModel& main) {
  for (const char* column : {"search_vec", "domains", "tags", "shared_with_groups"}) {
    AddPlannedIndex(draft, "knowledge_nodes", column, "gin", "");
  }
  for (const char* column : {"node_type", "created_at", "updated_at", "owner_user_id"}) {
    AddPlannedIndex(draft, "knowledge_nodes", column, "btree", "");
  }
  AddPlannedIndex(draft, "knowledge_nodes", "codebase", "btree", "codebase IS NOT NULL");
  for (const char* column : {"next_review", "last_review"}) AddPlannedIndex(draft, "scheduling", column, "btree", "");
  for (const char* column : {"target_id", "source_id", "edge_type"}) {
    AddPlannedIndex(draft, "edges", column, "btree", "");
  }
  for (const char* column : {"memory_id", "timestamp"}) AddPlannedIndex(draft, "review_events", column, "btree", "");
  const int dimension = main.model ? main.model->dimension : 0;
  AddVectorIndex(draft, *draft.FindTable("knowledge_nodes"), "embedding", {core::PgKind::kVector, dimension},
                 "idx_knowledge_nodes_embedding_hnsw");
  if (dimension > kHnswDimensionMax) {
    draft.Note(absl::StrCat("knowledge_nodes.embedding: ", dimension, " dimensions; HNSW indexes end at ",
                            kHnswDimensionMax, ": no vector index"));
  }
}

// A rejected row is kept with the inputs of the mapping that counts it: enough to carry its second row with it later.
void ReadWhatSecondRowsNeed(const core::Mapping& second, core::Mapping& counted) {
  for (const core::Input& input : second.inputs) {
    const bool read = std::any_of(counted.inputs.begin(), counted.inputs.end(),
                                  [&](const core::Input& candidate) { return candidate.sql == input.sql; });
    if (!read) counted.inputs.push_back(input);
  }
}

absl::Status FillAll(Draft& draft, const std::vector<const SourceTable*>& tables, const SaidVectors& said,
                     const std::vector<Placed>& placed) {
  for (const Placed& place : placed) {
    if (draft.FindTable(place.planned.name) == nullptr) AddPlannedTable(draft, place.planned);
    if (place.planned.name == "knowledge_nodes") AddPlannedTable(draft, PlanScheduling());
  }
  for (const Placed& place : placed) {
    const SourceTable* table = Find(tables, place);
    if (table == nullptr) continue;
    ASSIGN_OR_RETURN(const int id, FillPlanned(draft, *table, place.planned, place.extras, said));
    if (place.planned.name != "knowledge_nodes") continue;
    // The same rows once more. What is wrong with them is told where they are counted.
    ASSIGN_OR_RETURN(const int schedule, FillPlanned(draft, *table, PlanScheduling(), Extras::kLeave, said));
    draft.plan.mappings[schedule].counted = false;
    draft.plan.mappings[schedule].counted_by = id;
    ReadWhatSecondRowsNeed(draft.plan.mappings[schedule], draft.plan.mappings[id]);
  }
  return absl::OkStatus();
}

bool IsPlaced(const Draft& draft, const SourceTable& table) {
  return std::any_of(draft.plan.mappings.begin(), draft.plan.mappings.end(),
                     [&](const core::Mapping& mapping) { return mapping.source_table == table.name; });
}

void NameDerived(Draft& draft) {
  for (core::LeftOut& left : draft.plan.left_out) {
    if (absl::StartsWith(left.name, "knowledge_fts")) {
      left.reason = "derived: the full-text index, made anew as knowledge_nodes.search_vec";
    }
  }
}

}  // namespace

std::string WhyNotVestige(const sqlite::SourceSchema& schema) {
  const SourceTable* table = schema.Find("knowledge_nodes");
  if (table == nullptr || table->kind != sqlite::TableKind::kOrdinary) return "it has no table knowledge_nodes";
  std::vector<std::string> missing;
  for (const std::string& column : KeyColumns()) {
    if (FindColumn(*table, column) == nullptr) missing.push_back(column);
  }
  return missing.empty() ? "" : absl::StrCat("its table knowledge_nodes lacks ", absl::StrJoin(missing, ", "));
}

absl::StatusOr<std::string> ReadVestigeVersion(const PlanInput& input) {
  const SourceTable* table = input.schema.Find("schema_version");
  if (table == nullptr || FindColumn(*table, "version") == nullptr) return std::string();
  ASSIGN_OR_RETURN(const core::Value version, input.source.QueryValue("SELECT max(version) FROM schema_version"));
  return version.storage == core::StorageClass::kInteger ? absl::StrCat(version.integer) : std::string();
}

absl::Status DraftVestige(Draft& draft, const std::vector<const SourceTable*>& tables, const SaidVectors& said) {
  ASSIGN_OR_RETURN(const MainModel main, ChooseMainModel(draft));
  draft.plan.main_model = main.model;
  const std::vector<Placed> placed = PlacedTables(draft, main);
  for (const Placed& place : placed) draft.relations.Take(place.planned.name);
  draft.relations.Take("scheduling");
  RETURN_IF_ERROR(FillAll(draft, tables, said, placed));
  std::vector<const SourceTable*> others;
  for (const SourceTable* table : tables) {
    if (!IsPlaced(draft, *table)) others.push_back(table);
  }
  for (const SourceTable* table : others) RETURN_IF_ERROR(DraftGenericTable(draft, *table, said, MemoryRule));
  AddRelations(draft);
  DraftForeignKeys(draft, others);
  AddIndexes(draft, main);
  NameDerived(draft);
  return AddBootstrap(draft, main);
}

}  // namespace vecferry::profile
