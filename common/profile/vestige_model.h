#ifndef VECFERRY_COMMON_PROFILE_VESTIGE_MODEL_H_
#define VECFERRY_COMMON_PROFILE_VESTIGE_MODEL_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// Which model's vectors are the memories' own (docs/mapping.md, "Main model"), as SQL over the source.
struct MainModel {
  std::optional<core::EmbeddingModel> model;     // what knowledge_nodes.embedding holds; nullopt: no vector is known
  std::optional<core::EmbeddingModel> registry;  // the source's own row, if it has one
  bool from_destination = false;                 // the destination's registry row decides and stays
  // A memory's main vector, over "knowledge_nodes" AS t; "NULL" when there is none.
  std::string embedding_sql = "NULL";
  // 1 where the row, of that table AS t, is its memory's main vector.
  std::string is_main_of_node_embeddings = "0";
  std::string is_main_of_profile_vectors = "0";
};

// Errors: kFailedPrecondition when the destination has another model (name or dimension) and
// identity.allow_model_mismatch is not set, naming both and the ways out.
absl::StatusOr<MainModel> ChooseMainModel(Draft& draft);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_VESTIGE_MODEL_H_
