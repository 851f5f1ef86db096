#include "common/profile/vestige_model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/profile/vestige_source.h"

namespace vecferry::profile {
namespace {

using core::EmbeddingModel;

std::string Describe(const EmbeddingModel& model) {
  return absl::StrCat(model.name.empty() ? "an unnamed model" : model.name, " (", model.dimension, " dimensions)");
}

bool Differ(const EmbeddingModel& a, const EmbeddingModel& b) {
  const bool names = !a.name.empty() && !b.name.empty() && a.name != b.name;
  return names || a.dimension != b.dimension;
}

struct Found {
  std::optional<EmbeddingModel> registry;
  std::vector<VestigeProfile> profiles;
  std::vector<VectorGroup> groups;
};

bool HasGroup(const Found& found, const EmbeddingModel& model) {
  return std::any_of(found.groups.begin(), found.groups.end(), [&](const VectorGroup& candidate) {
    return candidate.dimension == model.dimension && (candidate.model == model.name || candidate.model.empty());
  });
}

bool Fits(const Found& found, const EmbeddingModel& model) {
  return HasGroup(found, model) ||
         std::any_of(found.profiles.begin(), found.profiles.end(), [&](const VestigeProfile& candidate) {
           return candidate.dimension == model.dimension && candidate.model == model.name;
         });
}

// The source's own main model, and what said so.
std::optional<EmbeddingModel> MainOfSource(const Found& found, std::string& reason) {
  const auto with_hash = [&](EmbeddingModel model) {
    if (found.registry && !Differ(*found.registry, model)) model.hash = found.registry->hash;
    return model;
  };
  if (!found.profiles.empty() && found.profiles[0].active) {
    reason = absl::StrCat("the active profile ", core::SanitizeText(found.profiles[0].id));
    return with_hash({found.profiles[0].model, found.profiles[0].dimension, ""});
  }
  if (found.registry && Fits(found, *found.registry)) {
    reason = "the registry";
    return found.registry;
  }
  if (!found.groups.empty()) {
    reason = absl::StrCat("most rows of node_embeddings, ", found.groups[0].rows);
    return with_hash({found.groups[0].model, found.groups[0].dimension, ""});
  }
  if (!found.profiles.empty()) {
    reason = absl::StrCat("the profile ", core::SanitizeText(found.profiles[0].id));
    return with_hash({found.profiles[0].model, found.profiles[0].dimension, ""});
  }
  // No vector at all: the registry still says what later ones will be.
  reason = "the registry";
  return found.registry;
}

// The dimension that an existing knowledge_nodes.embedding is bound to; 0 = none.
int BoundDimension(const Draft& draft) {
  const postgres::CatalogTable* nodes = draft.Existing("knowledge_nodes");
  if (nodes == nullptr) return 0;
  for (const postgres::CatalogColumn& column : nodes->columns) {
    if (column.name != "embedding") continue;
    const absl::StatusOr<core::PgType> type = core::ParsePgType(column.type);
    return type.ok() ? type->dimension : 0;
  }
  return 0;
}

absl::Status Mismatch(const Draft& draft, const EmbeddingModel& there, const EmbeddingModel& here) {
  return absl::FailedPreconditionError(
      absl::StrCat("ModelMismatch: schema ", draft.input.identity.destination_schema, " holds vectors of ",
                   Describe(there), ", the source's are of ", Describe(here),
                   ": they cannot be compared with one another. Choose another schema with "
                   "--schema, or pass --allow-model-mismatch: the registry row stays and the source's vectors go to "
                   "knowledge_node_embeddings"));
}

// The model that the destination already has decides; only a schema without one takes the source's.
absl::Status DecideModel(Draft& draft, const Found& found, const std::optional<EmbeddingModel>& source, MainModel& main,
                         bool& mismatch) {
  const int bound = BoundDimension(draft);
  const std::optional<EmbeddingModel> registered =
      draft.input.destination == nullptr ? std::nullopt : draft.input.destination->registry;
  main.model = source;
  if (registered) {
    main.model = registered;
    main.from_destination = true;
  } else if (bound > 0) {
    main.model = source && source->dimension == bound ? *source : EmbeddingModel{"", bound, ""};
    for (const VectorGroup& group : found.groups) {
      if (!main.model->name.empty()) break;
      if (group.dimension == bound) main.model->name = group.model;
    }
  } else {
    return absl::OkStatus();
  }
  // A column bound to another dimension than the registry's takes only its own.
  if (bound > 0) main.model->dimension = bound;
  mismatch = source && Differ(*main.model, *source);
  if (mismatch && !draft.input.identity.allow_model_mismatch) return Mismatch(draft, *main.model, *source);
  if (mismatch) {
    draft.Note(absl::StrCat("the destination holds vectors of ", Describe(*main.model), ", the source's are of ",
                            Describe(*source), ": they go to knowledge_node_embeddings alone"));
  } else if (source && registered && !source->hash.empty() && !registered->hash.empty() &&
             source->hash != registered->hash) {
    draft.Note(absl::StrCat("the registries' hashes of ", Describe(*source), " differ (destination ", registered->hash,
                            ", source ", source->hash, "): the same model has another one in each Vestige release"));
  }
  return absl::OkStatus();
}

// Main vectors are those of one profile.
void TakeProfile(const Draft& draft, const VestigeProfile& profile, MainModel& main) {
  const std::string id = core::QuoteLiteral(profile.id);
  const std::string of_profile =
      absl::StrCat("(SELECT e.embedding FROM embedding_profile_vectors AS e WHERE e.profile_id = ", id,
                   " AND e.node_id = t.id AND typeof(e.embedding) = 'blob' LIMIT 1)");
  main.embedding_sql = of_profile;
  main.is_main_of_profile_vectors = absl::StrCat("t.profile_id = ", id, " AND ", IsBlobOf("t", profile.dimension));
  if (!profile.is_legacy() || !HasNodeEmbeddings(draft.input.schema)) return;
  const std::string of_mirror =
      "(SELECT m.embedding FROM node_embeddings AS m WHERE m.node_id = t.id AND "
      "typeof(m.embedding) = 'blob' LIMIT 1)";
  main.embedding_sql = absl::StrCat("CASE WHEN coalesce(length(", of_mirror, "), -1) > coalesce(length(", of_profile,
                                    "), -1) THEN ", of_mirror, " ELSE ", of_profile, " END");
  absl::StrAppend(&main.is_main_of_profile_vectors,
                  " AND NOT EXISTS (SELECT 1 FROM node_embeddings AS m WHERE m.node_id = t.node_id AND "
                  "typeof(m.embedding) = 'blob' AND length(m.embedding) > length(t.embedding))");
  main.is_main_of_node_embeddings =
      absl::StrCat(IsBlobOf("t", profile.dimension),
                   " AND length(t.embedding) > coalesce((SELECT length(e.embedding) "
                   "FROM embedding_profile_vectors AS e WHERE e.profile_id = ",
                   id, " AND e.node_id = t.node_id AND typeof(e.embedding) = 'blob'), -1)");
}

void TakeNodeEmbeddings(const Draft& draft, bool unnamed, MainModel& main) {
  const std::string& model = main.model->name;
  main.embedding_sql = absl::StrCat(
      "(SELECT e.embedding FROM node_embeddings AS e WHERE e.node_id = t.id AND typeof(e.embedding) = 'blob' AND ",
      IsOfModel(draft.input.schema, "e", model, unnamed), " LIMIT 1)");
  main.is_main_of_node_embeddings =
      absl::StrCat(IsBlobOf("t", main.model->dimension), " AND ", IsOfModel(draft.input.schema, "t", model, unnamed));
}

}  // namespace

absl::StatusOr<MainModel> ChooseMainModel(Draft& draft) {
  Found found;
  ASSIGN_OR_RETURN(found.registry, ReadRegistry(draft.input));
  ASSIGN_OR_RETURN(found.profiles, ReadProfilesWithVectors(draft.input));
  ASSIGN_OR_RETURN(found.groups, ReadGroups(draft.input));
  MainModel main;
  main.registry = found.registry;
  std::string reason;
  const std::optional<EmbeddingModel> source = MainOfSource(found, reason);
  bool mismatch = false;
  RETURN_IF_ERROR(DecideModel(draft, found, source, main, mismatch));
  if (!main.model) {
    draft.Note("no embedding is in the source: knowledge_nodes.embedding has no dimension and no index");
    return main;
  }
  if (main.model->dimension > 0 && !mismatch) {
    draft.Note(absl::StrCat("main model: ", Describe(*main.model), ", by ",
                            main.from_destination ? "the destination's registry" : reason));
  }
  for (const VestigeProfile& profile : found.profiles) {
    const bool named = main.model->name.empty() || profile.model == main.model->name;
    if (!named || profile.dimension != main.model->dimension) continue;
    if (!profile.active && HasGroup(found, *main.model)) continue;
    TakeProfile(draft, profile, main);
    return main;
  }
  if (HasNodeEmbeddings(draft.input.schema)) TakeNodeEmbeddings(draft, !mismatch, main);
  return main;
}

}  // namespace vecferry::profile
