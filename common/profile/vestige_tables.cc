#include "common/profile/vestige_tables.h"

#include "absl/strings/str_cat.h"
#include "common/profile/source.h"

namespace vecferry::profile {
namespace {

using core::Conversion;
using core::PgKind;

constexpr char kEpoch[] = "1970-01-01T00:00:00Z";
constexpr std::int64_t kIndexedTextBytesMax = 2000;  // below what a GIN or btree entry may be

PlannedColumn Text(const std::string& name) {
  return {.name = name, .type = {PgKind::kText}, .source = name, .not_null = true, .fallback = ""};
}

PlannedColumn TextArray(const std::string& name) {
  return {.name = name,
          .type = {PgKind::kTextArray},
          .source = name,
          .not_null = true,
          .default_sql = "'{}'",
          .fallback = "[]",
          .element_bytes_max = kIndexedTextBytesMax};
}

PlannedColumn Json(const std::string& name) {
  return {.name = name,
          .type = {PgKind::kJsonb},
          .source = name,
          .not_null = true,
          .default_sql = "'{}'",
          .fallback = "{}"};
}

// Starts as {} and holds only what other columns of the row could not.
PlannedColumn Metadata() {
  return {.name = "metadata",
          .type = {PgKind::kJsonb},
          .conversion = Conversion::kMetadata,
          .not_null = true,
          .default_sql = "'{}'"};
}

PlannedColumn Time(const std::string& name, const std::vector<std::string>& fallback_sources = {}) {
  return {.name = name,
          .type = {PgKind::kTimestamptz},
          .source = name,
          .not_null = true,
          .default_sql = "now()",
          .fallback = kEpoch,
          .fallback_sources = fallback_sources};
}

PlannedColumn NullableTime(const std::string& name, const std::string& source) {
  return {.name = name, .type = {PgKind::kTimestamptz}, .source = source};
}

PlannedColumn Reference(const std::string& name, const std::string& source) {
  return {.name = name,
          .type = {PgKind::kUuid},
          .source = source,
          .conversion = Conversion::kIdReference,
          .not_null = true};
}

PlannedColumn OwnId() {
  return {.name = "id",
          .type = {PgKind::kUuid},
          .source = "id",
          .conversion = Conversion::kId,
          .not_null = true,
          .default_sql = "gen_random_uuid()"};
}

// Content is cut, since a tsvector ends at 1 MB.
std::string SearchVector(const Draft& draft) {
  return absl::StrCat(
      "setweight(to_tsvector('pg_catalog.english'::regconfig, left(content, 200000)), 'A') || "
      "setweight(to_tsvector('pg_catalog.english'::regconfig, node_type), 'B') || "
      "setweight(to_tsvector('pg_catalog.english'::regconfig, ",
      draft.Qualified(kJoinTagsFunction), "(tags)), 'C')");
}

}  // namespace

PlannedTable PlanKnowledgeNodes(const Draft& draft, const MainModel& main) {
  const int dimension = main.model ? main.model->dimension : 0;
  PlannedColumn id = OwnId();
  id.default_sql.clear();
  PlannedColumn node_type = Text("node_type");
  node_type.default_sql = "'general'";
  node_type.fallback = "general";
  node_type.element_bytes_max = kIndexedTextBytesMax;
  return {
      "knowledge_nodes",
      {id,
       Text("content"),
       node_type,
       TextArray("tags"),
       Metadata(),
       TextArray("domains"),
       Json("domain_scores"),
       {.name = "embedding",
        .type = {PgKind::kVector, dimension},
        .input_sql = main.embedding_sql,
        .conversion = Conversion::kMainVector},
       {.name = "codebase", .type = {PgKind::kText}, .source = "codebase", .element_bytes_max = kIndexedTextBytesMax},
       {.name = "owner_user_id",
        .type = {PgKind::kUuid},
        .not_null = true,
        .default_sql = "'00000000-0000-0000-0000-000000000001'"},
       {.name = "visibility",
        .type = {PgKind::kText},
        .not_null = true,
        .default_sql = "'private'",
        .check_sql = "visibility IN ('private', 'group', 'public')"},
       {.name = "shared_with_groups", .type = {PgKind::kUuidArray}, .not_null = true, .default_sql = "'{}'"},
       Time("created_at", {"updated_at"}),
       Time("updated_at", {"created_at"}),
       {.name = "search_vec", .type = {PgKind::kText}, .generated_sql = SearchVector(draft)}},
      {"id"}};
}

PlannedTable PlanScheduling() {
  const auto number = [](const char* name, const char* source, PgKind kind, const char* default_sql) {
    return PlannedColumn{.name = name, .type = {kind}, .source = source, .default_sql = default_sql};
  };
  return {"scheduling",
          {Reference("memory_id", "id"), number("stability", "stability", PgKind::kFloat8, "0"),
           number("difficulty", "difficulty", PgKind::kFloat8, "0"),
           number("retrievability", "retention_strength", PgKind::kFloat8, "1"),
           NullableTime("last_review", "last_accessed"), NullableTime("next_review", "next_review"),
           number("reps", "reps", PgKind::kInt4, "0"), number("lapses", "lapses", PgKind::kInt4, "0")},
          {"memory_id"}};
}

PlannedTable PlanEdges() {
  return {"edges",
          {Reference("source_id", "source_id"),
           Reference("target_id", "target_id"),
           {.name = "edge_type",
            .type = {PgKind::kText},
            .source = "link_type",
            .not_null = true,
            .default_sql = "'related'"},
           {.name = "weight",
            .type = {PgKind::kFloat8},
            .source = "strength",
            .not_null = true,
            .default_sql = "1",
            .fallback = "1"},
           Time("created_at"),
           NullableTime("last_activated", "last_activated"),
           {.name = "activation_count", .type = {PgKind::kInt8}, .source = "activation_count"}},
          {"source_id", "target_id", "edge_type"}};
}

PlannedTable PlanNodeEmbeddings(const std::string& origin, const MainModel& main) {
  const bool profiles = origin == "embedding_profile_vectors";
  const std::string& is_main = profiles ? main.is_main_of_profile_vectors : main.is_main_of_node_embeddings;
  PlannedColumn profile{.name = "profile_id", .type = {PgKind::kText}, .not_null = true, .null_value = ""};
  (profiles ? profile.source : profile.input_sql) = profiles ? "profile_id" : "''";
  return {"knowledge_node_embeddings",
          {Reference("node_id", "node_id"),
           {.name = "origin", .type = {PgKind::kText}, .input_sql = core::QuoteLiteral(origin), .not_null = true},
           profile,
           {.name = "model",
            .type = {PgKind::kText},
            .source = "model",
            .not_null = true,
            .default_sql = "''",
            .null_value = ""},
           {.name = "dimension",
            .type = {PgKind::kInt4},
            .input_sql = "CASE WHEN typeof(t.embedding) = 'blob' AND length(t.embedding) > 0 AND "
                         "length(t.embedding) % 4 = 0 THEN length(t.embedding) / 4 END"},
           {.name = "declared_dimension", .type = {PgKind::kInt8}, .source = "dimensions"},
           NullableTime("created_at", "created_at"),
           {.name = "version", .type = {PgKind::kInt8}, .source = "version"},
           {.name = "is_main",
            .type = {PgKind::kBool},
            .input_sql = absl::StrCat("coalesce((", is_main, "), 0)"),
            .not_null = true},
           {.name = "embedding", .type = {PgKind::kVector}, .source = "embedding"}},
          {"node_id", "origin", "profile_id", "model"}};
}

PlannedTable PlanRegistry(const MainModel& main) {
  PlannedTable table{"embedding_model",
                     {{.name = "id",
                       .type = {PgKind::kInt2},
                       .source = "id",
                       .not_null = true,
                       .default_sql = "1",
                       .check_sql = "id = 1"},
                      {.name = "name", .type = {PgKind::kText}, .source = "name", .not_null = true, .fallback = ""},
                      {.name = "dimension",
                       .type = {PgKind::kInt4},
                       .source = "dimension",
                       .not_null = true,
                       .check_sql = "dimension > 0"},
                      {.name = "hash", .type = {PgKind::kText}, .source = "hash", .not_null = true, .fallback = ""},
                      Time("created_at")},
                     {"id"}};
  if (!main.model || !main.registry) return table;
  const core::EmbeddingModel& model = *main.model;
  const core::EmbeddingModel& row = *main.registry;
  const bool same = model.name == row.name && model.dimension == row.dimension && model.hash == row.hash;
  if (main.from_destination) table.columns.back().read_only = true;
  if (same) return table;
  // The row states the model that D came from. The source's own row is a text that no integer column takes: one issue
  // that keeps it whole.
  const std::string whole =
      "'name=' || quote(t.name) || ' dimension=' || quote(t.dimension) || ' hash=' || quote(t.hash)"
      " || ' created_at=' || quote(t.created_at)";
  table.columns[1].input_sql = core::QuoteLiteral(model.name);
  table.columns[2].input_sql = whole;
  table.columns[2].fallback = absl::StrCat(model.dimension);
  table.columns[3].input_sql = core::QuoteLiteral(model.hash);
  return table;
}

PlannedTable PlanDomains() {
  PlannedColumn terms = TextArray("top_terms");
  terms.element_bytes_max = 0;  // no index
  return {
      "domains",
      {{.name = "id", .type = {PgKind::kText}, .source = "id", .not_null = true},
       Text("label"),
       {.name = "centroid", .type = {PgKind::kVector}, .source = "centroid", .input_sql = "nullif(t.centroid, x'')"},
       terms,
       {.name = "memory_count",
        .type = {PgKind::kInt4},
        .source = "memory_count",
        .not_null = true,
        .default_sql = "0",
        .fallback = "0"},
       Time("created_at"),
       {.name = "metadata",
        .type = {PgKind::kJsonb},
        .source = "metadata",
        .not_null = true,
        .default_sql = "'{}'",
        .fallback = "{}"}},
      {"id"}};
}

PlannedTable PlanUsers() {
  // Unique: what is too long for the index has no other value to take.
  PlannedColumn handle = Text("handle");
  handle.element_bytes_max = kIndexedTextBytesMax;
  handle.fallback.reset();
  return {"users",
          {OwnId(),
           handle,
           {.name = "display_name", .type = {PgKind::kText}, .source = "display_name"},
           Time("created_at"),
           Json("metadata")},
          {"id"},
          {{"handle"}}};
}

PlannedTable PlanGroups() {
  PlannedTable table = PlanUsers();
  table.name = "groups";
  return table;
}

PlannedTable PlanGroupMemberships() {
  PlannedColumn role = Text("role");
  role.default_sql = "'member'";
  role.fallback = "member";
  role.check_sql = "role IN ('member', 'admin')";
  return {"group_memberships",
          {Reference("user_id", "user_id"), Reference("group_id", "group_id"), role, Time("joined_at")},
          {"user_id", "group_id"}};
}

PlannedTable PlanReviewEvents() {
  return {"review_events",
          {{.name = "id", .type = {PgKind::kInt8}, .source = "id", .not_null = true, .identity = true},
           Reference("memory_id", "memory_id"),
           Time("timestamp"),
           {.name = "rating", .type = {PgKind::kInt2}, .source = "rating", .not_null = true, .fallback = "0"},
           Json("prior_state"),
           Json("new_state")},
          {"id"}};
}

}  // namespace vecferry::profile
