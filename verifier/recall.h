#ifndef VECFERRY_VERIFIER_RECALL_H_
#define VECFERRY_VERIFIER_RECALL_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/findings.h"
#include "common/core/types.h"
#include "common/postgres/connection.h"

namespace vecferry::verifier {

struct RecallOptions {
  int queries = 50;        // sampled stored vectors of each target; 50 x 10 answers tell a share to about 2 %
  std::uint64_t seed = 1;  // of the sample: the same vectors in every run
  std::vector<int> ks = {10, 100};
  // Vectors to ask for beside the sampled ones; used for targets of their dimension.
  std::vector<std::vector<float>> own_queries;
  // Least shares. Exact answers are the same where the data is the same: only the last bits of distances may differ.
  // What an index may lose is the application's choice: 0 = none is required.
  double exact_min = 0.999, index_min = 0;
};

// Vectors that are searched together: of one column, perhaps of the rows of one slice.
struct RecallTarget {
  std::string schema, table, column;
  core::PgType type;  // kVector or kHalfvec, with its dimension
  std::string extension_schema;
  std::string model;            // for the report
  std::string slice;            // for the report, "column = value"
  std::string slice_condition;  // SQL over the table's columns; "" = all rows
  std::string metric;           // cosine | l2 | inner product | l1: of the index, else cosine
  std::string index;            // its name; "" = there is none
};

// Calls its argument with each of the target's vectors as the source has them, once a call: as pgvector sends them
// (verifier/canonical.h).
using ForEachVector = std::function<absl::Status(const std::function<absl::Status(absl::string_view vector)>&)>;

// Measures one target: tells, for each k, recall with its latency, and checks `recall_exact@k` and `recall_index@k`
// (skipped where there is nothing to measure, or the server cannot use the index), a failed one after its difference.
// Answers are compared by distance: each of the true ones answers for one, so ties count, and one that is missing, too
// far or too near is wrong. What has no distance (a zero vector under cosine) is neither asked for nor an answer.
// The source is scanned twice: once for a sample, once for all answers to it. Memory: O(queries x k), whatever the
// number of vectors. The destination is read in a transaction of its own, or in the caller's, which is left as it was.
// kInvalidArgument: no such metric or k, or no vector type; kDataLoss: a source vector is none of the type.
absl::Status MeasureRecall(const RecallTarget& target, const RecallOptions& options, const ForEachVector& source,
                           postgres::Connection& destination, core::Findings& findings);

// A file of query vectors: JSON, an array of arrays of numbers; or float32 little-endian in the fvecs form (int32
// dimension before each). kInvalidArgument naming what is wrong and where.
absl::StatusOr<std::vector<std::vector<float>>> ReadQueries(const std::string& path);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_RECALL_H_
