#include "verifier/exact_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"

namespace vecferry::verifier {
namespace {

// Four floats that are worked on at once, whatever the optimiser makes of loops over sums.
using Lanes = float __attribute__((vector_size(16)));
using LaneBits = std::int32_t __attribute__((vector_size(16)));
constexpr std::size_t kStep = 16;  // four independent sums hide the latency of an addition
// Floats are added up in 16 sums of 16 terms each, then these in double. So rounding costs at most 20 half units in the
// last place (1.2e-6) of the sum of the absolute terms, whatever the dimension.
constexpr std::size_t kRun = 256;
// Vectors that are compared with one query after the other: 32 KB, so that they stay in the first-level cache.
constexpr std::size_t kBlockFloats = 8192;

Lanes Load(const float* numbers) {
  Lanes lanes;
  std::memcpy(&lanes, numbers, sizeof(lanes));
  return lanes;
}

template <typename Term>
double Sum(const float* a, const float* b, std::size_t size, Term term) {
  double sum = 0;
  for (std::size_t begin = 0; begin < size; begin += kRun) {
    Lanes first{}, second{}, third{}, fourth{};
    for (std::size_t i = begin; i < std::min(begin + kRun, size); i += kStep) {
      first += term(Load(a + i), Load(b + i));
      second += term(Load(a + i + 4), Load(b + i + 4));
      third += term(Load(a + i + 8), Load(b + i + 8));
      fourth += term(Load(a + i + 12), Load(b + i + 12));
    }
    const Lanes lanes = (first + second) + (third + fourth);
    sum += (static_cast<double>(lanes[0]) + lanes[1]) + (static_cast<double>(lanes[2]) + lanes[3]);
  }
  return sum;
}

double InnerProduct(const float* a, const float* b, std::size_t size) {
  return Sum(a, b, size, [](Lanes x, Lanes y) { return x * y; });
}

double SquaredDistance(const float* a, const float* b, std::size_t size) {
  return Sum(a, b, size, [](Lanes x, Lanes y) { return (x - y) * (x - y); });
}

double SumOfDifferences(const float* a, const float* b, std::size_t size) {
  constexpr LaneBits kAllButTheSign = {0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff};
  return Sum(a, b, size, [&](Lanes x, Lanes y) {
    return reinterpret_cast<Lanes>(reinterpret_cast<LaneBits>(x - y) & kAllButTheSign);
  });
}

}  // namespace

absl::StatusOr<Metric> ParseMetric(absl::string_view name) {
  if (name == "cosine") return Metric::kCosine;
  if (name == "l2") return Metric::kL2;
  if (name == "inner product") return Metric::kInnerProduct;
  if (name == "l1") return Metric::kL1;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no metric of a search; there are cosine, l2, inner product and l1"));
}

absl::string_view DistanceOperator(Metric metric) {
  switch (metric) {
    case Metric::kCosine: return "<=>";
    case Metric::kL2: return "<->";
    case Metric::kInnerProduct: return "<#>";
    case Metric::kL1: return "<+>";
  }
  return "";
}

bool HasDistances(Metric metric, absl::Span<const float> vector) {
  return metric != Metric::kCosine ||
         // By its squares, as pgvector does: they may vanish where the numbers do not.
         std::any_of(vector.begin(), vector.end(), [](float number) { return number * number > 0; });
}

ExactScan::ExactScan(Metric metric, std::size_t dimension, std::size_t k,
                     const std::vector<std::vector<float>>& queries)
    : metric_(metric),
      dimension_(dimension),
      stride_((dimension + kStep - 1) / kStep * kStep),
      k_(k),
      block_vectors_(std::max<std::size_t>(1, kBlockFloats / std::max(stride_, kStep))),
      queries_(queries.size() * stride_),
      nearest_(queries.size()) {
  for (std::size_t i = 0; i < queries.size(); ++i) {
    float* const query = queries_.data() + i * stride_;
    std::copy(queries[i].begin(), queries[i].end(), query);
    query_lengths_.push_back(std::sqrt(InnerProduct(query, query, stride_)));
    nearest_[i].reserve(k_);
  }
  block_.reserve(block_vectors_ * stride_);
}

void ExactScan::Add(absl::Span<const float> vector) {
  ++vectors_;
  block_.insert(block_.end(), vector.begin(), vector.end());
  block_.resize(block_.size() + stride_ - dimension_);
  const float* const added = block_.data() + block_.size() - stride_;
  block_lengths_.push_back(std::sqrt(InnerProduct(added, added, stride_)));
  length_max_ = std::max(length_max_, block_lengths_.back());
  if (block_lengths_.size() == block_vectors_) ScanBlock();
}

std::vector<std::vector<double>> ExactScan::Finish() {
  ScanBlock();
  for (std::vector<double>& heap : nearest_) std::sort_heap(heap.begin(), heap.end());
  return std::move(nearest_);
}

double ExactScan::Tolerance(std::size_t query, double distance) const {
  // pgvector adds up floats in an order of its own: about the square root of their number in half units of the last
  // place, and the cosine has three such sums. Four times that is 7e-6 for 768 numbers: far above what rounding makes
  // of a distance, far below what another vector does.
  const double relative = 4 * 0x1p-24 * std::sqrt(static_cast<double>(dimension_));
  switch (metric_) {
    case Metric::kCosine: return relative;
    case Metric::kL2:
    case Metric::kL1: return relative * distance;
    case Metric::kInnerProduct: return relative * query_lengths_[query] * length_max_;
  }
  return 0;
}

void ExactScan::ScanBlock() {
  for (std::size_t query = 0; query < nearest_.size(); ++query) {
    for (std::size_t vector = 0; vector < block_lengths_.size(); ++vector) {
      Offer(nearest_[query], Distance(query, vector));
    }
  }
  block_.clear();
  block_lengths_.clear();
}

double ExactScan::Distance(std::size_t query, std::size_t vector) const {
  const float* const a = queries_.data() + query * stride_;
  const float* const b = block_.data() + vector * stride_;
  switch (metric_) {
    case Metric::kCosine: {
      const double cosine = InnerProduct(a, b, stride_) / (query_lengths_[query] * block_lengths_[vector]);
      return std::isnan(cosine) ? std::numeric_limits<double>::infinity() : 1 - std::clamp(cosine, -1.0, 1.0);
    }
    case Metric::kL2: return std::sqrt(SquaredDistance(a, b, stride_));
    case Metric::kInnerProduct: return -InnerProduct(a, b, stride_);
    case Metric::kL1: return SumOfDifferences(a, b, stride_);
  }
  return 0;
}

void ExactScan::Offer(std::vector<double>& heap, double distance) const {
  if (heap.size() < k_) {
    heap.push_back(distance);
    std::push_heap(heap.begin(), heap.end());
  } else if (k_ > 0 && distance < heap.front()) {
    std::pop_heap(heap.begin(), heap.end());
    heap.back() = distance;
    std::push_heap(heap.begin(), heap.end());
  }
}

}  // namespace vecferry::verifier
