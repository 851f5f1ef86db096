#include "common/profile/vestige_source.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"
#include "common/profile/source.h"
#include "common/profile/vectors.h"

namespace vecferry::profile {
namespace {

bool HasTable(const sqlite::SourceSchema& schema, const std::string& name, const std::vector<std::string>& columns) {
  const sqlite::SourceTable* table = schema.Find(name);
  return table != nullptr && table->kind == sqlite::TableKind::kOrdinary && HasColumns(*table, columns);
}

std::string Text(const core::ValueView& value) { return core::SanitizeText(value.bytes); }

// 0: not a dimension.
int Dimension(const core::ValueView& value) {
  const bool fits =
      value.storage == core::StorageClass::kInteger && value.integer > 0 && value.integer <= kVectorDimensionMax;
  return fits ? static_cast<int>(value.integer) : 0;
}

// Whether a profile has a main vector of its own dimension. Under the legacy profile a wider row of node_embeddings is
// the memory's vector in place of the profile's.
absl::StatusOr<bool> HasMainVector(const PlanInput& input, const VestigeProfile& profile) {
  std::string sql =
      absl::StrCat("SELECT 1 FROM embedding_profile_vectors AS e WHERE e.profile_id = ", core::QuoteLiteral(profile.id),
                   " AND ", IsBlobOf("e", profile.dimension));
  if (profile.is_legacy() && HasNodeEmbeddings(input.schema)) {
    absl::StrAppend(&sql,
                    " AND NOT EXISTS (SELECT 1 FROM node_embeddings AS m WHERE m.node_id = e.node_id AND "
                    "typeof(m.embedding) = 'blob' AND length(m.embedding) > length(e.embedding))");
  }
  ASSIGN_OR_RETURN(const core::Value found, input.source.QueryValue(absl::StrCat(sql, " LIMIT 1")));
  return !found.view().is_null();
}

}  // namespace

bool HasNodeEmbeddings(const sqlite::SourceSchema& schema) {
  return HasTable(schema, "node_embeddings", {"node_id", "embedding"});
}

bool HasProfileVectors(const sqlite::SourceSchema& schema) {
  return HasTable(schema, "embedding_profile_vectors", {"profile_id", "node_id", "embedding"});
}

absl::StatusOr<std::optional<core::EmbeddingModel>> ReadRegistry(const PlanInput& input) {
  using Answer = std::optional<core::EmbeddingModel>;
  if (!HasTable(input.schema, "embedding_model", {"id", "name", "dimension"})) return Answer();
  const bool hash = HasTable(input.schema, "embedding_model", {"hash"});
  ASSIGN_OR_RETURN(sqlite::Statement rows,
                   input.source.Prepare(absl::StrCat("SELECT name, dimension, ", hash ? "hash" : "''",
                                                     " FROM embedding_model WHERE id = 1")));
  ASSIGN_OR_RETURN(const bool row, rows.Step());
  if (!row || Dimension(rows.Column(1)) == 0) return Answer();
  return Answer({Text(rows.Column(0)), Dimension(rows.Column(1)), Text(rows.Column(2))});
}

absl::StatusOr<std::vector<VestigeProfile>> ReadProfilesWithVectors(const PlanInput& input) {
  std::vector<VestigeProfile> profiles;
  if (!HasProfileVectors(input.schema) ||
      !HasTable(input.schema, "embedding_profiles", {"profile_id", "model_id", "embedding_dimension"})) {
    return profiles;
  }
  const bool state = HasTable(input.schema, "embedding_profile_state", {"active_profile_id"});
  const std::string active = state ? "p.profile_id IN (SELECT active_profile_id FROM embedding_profile_state)" : "0";
  ASSIGN_OR_RETURN(sqlite::Statement rows,
                   input.source.Prepare(absl::StrCat("SELECT p.profile_id, p.model_id, p.embedding_dimension, ", active,
                                                     " FROM embedding_profiles AS p ORDER BY 4 DESC, 1")));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return profiles;
    const VestigeProfile profile{std::string(rows.Column(0).bytes), Text(rows.Column(1)), Dimension(rows.Column(2)),
                                 rows.Column(3).integer != 0};
    if (profile.dimension == 0) continue;
    ASSIGN_OR_RETURN(const bool has, HasMainVector(input, profile));
    if (has) profiles.push_back(profile);
  }
}

absl::StatusOr<std::vector<VectorGroup>> ReadGroups(const PlanInput& input) {
  std::vector<VectorGroup> groups;
  if (!HasNodeEmbeddings(input.schema)) return groups;
  const std::string model =
      HasTable(input.schema, "node_embeddings", {"model"}) ? "coalesce(CAST(model AS TEXT), '')" : "''";
  // The inner LIMIT keeps SQLite from drawing both queries into one, whose sorter would hold every vector in memory.
  ASSIGN_OR_RETURN(
      sqlite::Statement rows,
      input.source.Prepare(absl::StrCat(
          "SELECT model, dimension, count(*) FROM (SELECT ", model,
          " AS model, length(embedding) / 4 AS dimension FROM node_embeddings WHERE typeof(embedding) = 'blob' "
          "AND length(embedding) > 0 AND length(embedding) % 4 = 0 LIMIT -1) "
          "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 1000")));
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return groups;
    const int dimension = Dimension(rows.Column(1));
    if (dimension > 0) groups.push_back({Text(rows.Column(0)), dimension, rows.Column(2).integer});
  }
}

std::string IsBlobOf(const std::string& alias, int dimension) {
  return absl::StrCat("typeof(", alias, ".embedding) = 'blob' AND length(", alias, ".embedding) = ", 4 * dimension);
}

std::string IsOfModel(const sqlite::SourceSchema& schema, const std::string& alias, const std::string& model,
                      bool unnamed) {
  if (!HasTable(schema, "node_embeddings", {"model"})) return unnamed ? "1" : "0";
  return absl::StrCat("coalesce(", alias, ".model, '') IN (", core::QuoteLiteral(model), unnamed ? ", ''" : "", ")");
}

}  // namespace vecferry::profile
