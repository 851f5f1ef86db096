#ifndef VECFERRY_COMMON_PROFILE_VESTIGE_SOURCE_H_
#define VECFERRY_COMMON_PROFILE_VESTIGE_SOURCE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/core/plan.h"
#include "common/profile/profile.h"

namespace vecferry::profile {

// What a Vestige store says about its models. Tables and columns that its version lacks are absent answers, not errors.

// The profile whose id upstream's start-up repair truncates vectors under (facts of version 35).
inline constexpr char kLegacyProfile[] = "nomic-v1.5-legacy-raw-256";

struct VestigeProfile {
  std::string id, model;
  int dimension = 0;
  bool active = false;
  bool is_legacy() const { return id == kLegacyProfile; }
};

struct VectorGroup {
  std::string model;
  int dimension = 0;
  std::int64_t rows = 0;
};

// Ordinary tables with the columns that their rules need.
bool HasNodeEmbeddings(const sqlite::SourceSchema& schema);
bool HasProfileVectors(const sqlite::SourceSchema& schema);

absl::StatusOr<std::optional<core::EmbeddingModel>> ReadRegistry(const PlanInput& input);
// The active one first, then by id; only those with a vector of their own dimension that is a main vector there.
absl::StatusOr<std::vector<VestigeProfile>> ReadProfilesWithVectors(const PlanInput& input);
// Groups of node_embeddings, most rows first, ties by model, then dimension.
absl::StatusOr<std::vector<VectorGroup>> ReadGroups(const PlanInput& input);

// SQL conditions over rows of an embedding table named `alias`.
std::string IsBlobOf(const std::string& alias, int dimension);
// The row's model is `model`; with `unnamed` also a row that names none. "1" where the table has no such column.
std::string IsOfModel(const sqlite::SourceSchema& schema, const std::string& alias, const std::string& model,
                      bool unnamed);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_VESTIGE_SOURCE_H_
