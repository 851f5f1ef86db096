#ifndef VECFERRY_VERIFIER_EMBEDDINGS_JSON_H_
#define VECFERRY_VERIFIER_EMBEDDINGS_JSON_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vecferry::verifier {

// {"model": ..., "input": [text ...]}; bytes that are no UTF-8 are replaced.
std::string EmbeddingsRequest(const std::string& model, absl::Span<const std::string> texts);

// The vectors of {"data": [{"index": 0, "embedding": [number ...]} ...]}, by index; where an entry has none, by its
// place. kInvalidArgument, as the end of a sentence: not exactly one vector for each of `count` texts, or not all of
// one dimension.
absl::StatusOr<std::vector<std::vector<float>>> ReadEmbeddings(absl::string_view json, std::size_t count);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_EMBEDDINGS_JSON_H_
