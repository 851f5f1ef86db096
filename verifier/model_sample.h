#ifndef VECFERRY_VERIFIER_MODEL_SAMPLE_H_
#define VECFERRY_VERIFIER_MODEL_SAMPLE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/core/findings.h"
#include "common/core/types.h"
#include "verifier/embedder.h"

namespace vecferry::verifier {

// A row's text and the vector that is stored for it.
struct TextAndVector {
  std::string text;
  std::string vector;  // canonical (verifier/canonical.h)
  std::string key;     // JSON text, for the report
};

struct ModelSampleOptions {
  std::string table, column;  // of the destination: where the vectors are
  core::PgType type;          // of the column, with its dimension
  std::string prefix;         // put before every text, such as "search_document: "; "" = none
  // The least cosine between a stored vector and the embedder's. The same model gives more than 0.999 whatever the
  // hardware, and in half precision; other models of the same dimension give about 0, other texts seldom above 0.9, a
  // forgotten prefix about 0.95. Runtimes with weights of 8 or 4 bits may need 0.98 or 0.95.
  double cosine_min = 0.99;
};

// Whether the stored vectors are what the embedder's model makes of their texts: tells a check `model_sample`, and the
// first 20 rows whose vectors are not. Only directions are compared. A longer vector than the stored one is cut to its
// dimension, as stores of Matryoshka models do; the evidence says so. Empty texts are left out.
// Errors: the embedder's; kInvalidArgument also when its vectors are shorter; kDataLoss: a stored vector is none.
absl::Status CheckModelSample(const std::vector<TextAndVector>& sample, const ModelSampleOptions& options,
                              Embedder& embedder, core::Findings& findings);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_MODEL_SAMPLE_H_
