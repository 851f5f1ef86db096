#ifndef VECFERRY_VERIFIER_EXACT_SCAN_H_
#define VECFERRY_VERIFIER_EXACT_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace vecferry::verifier {

// The distances that pgvector sorts by: 1 - cos, the Euclidean, the negative inner product, the sum of differences.
enum class Metric { kCosine, kL2, kInnerProduct, kL1 };

// "cosine", "l2", "inner product", "l1". kInvalidArgument: another name.
absl::StatusOr<Metric> ParseMetric(absl::string_view name);
// pgvector's operator: "<=>".
absl::string_view DistanceOperator(Metric metric);
// Whether `vector` has a distance at all: a zero vector has no cosine distance.
bool HasDistances(Metric metric, absl::Span<const float> vector);

// The smallest distances between some queries and all vectors of a stream: every vector is compared with every query.
// A distance is within 2e-6 of the exact one: of 1 for cosine, of the distance for l2 and l1, of the product of both
// lengths for the inner product. What is no number (a zero vector under cosine) counts as infinite, so it sorts last as
// in Postgres. Memory: O(queries x k). Not thread-safe.
class ExactScan {
 public:
  // `queries`: of `dimension` numbers each.
  ExactScan(Metric metric, std::size_t dimension, std::size_t k, const std::vector<std::vector<float>>& queries);

  // `vector`: of `dimension` numbers.
  void Add(absl::Span<const float> vector);
  // The k smallest distances of each query, ascending; fewer where there are fewer vectors. Ends the scan.
  std::vector<std::vector<double>> Finish();

  std::int64_t vectors() const { return vectors_; }
  // How far two calculations of one distance of a query may be apart.
  double Tolerance(std::size_t query, double distance) const;

 private:
  void ScanBlock();
  double Distance(std::size_t query, std::size_t vector) const;
  void Offer(std::vector<double>& heap, double distance) const;

  const Metric metric_;
  const std::size_t dimension_, stride_, k_, block_vectors_;
  std::vector<float> queries_;  // each filled up with zeros to stride_
  std::vector<double> query_lengths_;
  std::vector<float> block_;  // vectors not yet compared, likewise
  std::vector<double> block_lengths_;
  double length_max_ = 0;  // of the vectors so far
  std::int64_t vectors_ = 0;
  std::vector<std::vector<double>> nearest_;  // a heap for each query, its largest first
};

// How many of `answers` are among `truth`, both ascending: each distance of `truth` answers for one. So ties count, and
// answers that are nearer than the truth are wrong too. tolerance(distance) as ExactScan::Tolerance.
template <typename Tolerance>
int CountRight(absl::Span<const double> truth, absl::Span<const double> answers, Tolerance tolerance) {
  int right = 0;
  for (std::size_t t = 0, a = 0; t < truth.size() && a < answers.size();) {
    const double difference = answers[a] - truth[t];
    if (difference > tolerance(truth[t])) {
      ++t;
    } else if (-difference > tolerance(truth[t])) {
      ++a;
    } else {
      ++right, ++t, ++a;
    }
  }
  return right;
}

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_EXACT_SCAN_H_
