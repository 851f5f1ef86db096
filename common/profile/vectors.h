#ifndef VECFERRY_COMMON_PROFILE_VECTORS_H_
#define VECFERRY_COMMON_PROFILE_VECTORS_H_

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/types.h"
#include "common/profile/profile.h"
#include "common/profile/values.h"

namespace vecferry::profile {

inline constexpr int kVectorDimensionMax = 16000;  // of pgvector's type vector
inline constexpr int kHnswDimensionMax = 2000;     // of its HNSW index

// --vector-column, parsed: (table, column) as the source spells them -> dimension.
using SaidVectors = std::map<std::pair<std::string, std::string>, int>;
// Errors: kInvalidArgument naming the flag's value and what is allowed.
absl::StatusOr<SaidVectors> ParseVectorColumns(const PlanInput& input);

// Whether the name alone asks for a look at the contents: embedding, vector, text_embedding, centroid ...
bool HasVectorName(absl::string_view column);
// dimension(s), dim(s), model: columns that embeddings are stored beside.
bool HasVectorCompanion(const sqlite::SourceTable& table);
// DIM of a declared VECTOR(DIM), F32_BLOB(DIM) and the like.
std::optional<int> DeclaredDimension(absl::string_view declared_type);

// Where a column of `table` is a vector: its type. nullopt: it is none. Notes say what follows from several dimensions.
// Errors: kInvalidArgument when --vector-column says a dimension that no value has.
absl::StatusOr<std::optional<core::PgType>> RecogniseVector(const PlanInput& input, const sqlite::SourceTable& table,
                                                            const sqlite::SourceColumn& column, const ValueFacts& facts,
                                                            std::optional<int> said, std::vector<std::string>& notes);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_VECTORS_H_
