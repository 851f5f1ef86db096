#ifndef VECFERRY_VERIFIER_COMPARISON_H_
#define VECFERRY_VERIFIER_COMPARISON_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "verifier/row_image.h"

namespace vecferry::verifier {

// Compares two sets of rows that come in different orders, in bounded memory: each row's hash is added to the sum of
// one of 4,096 buckets, chosen by its key's hash. Sums, never XOR: two wrong rows could cancel. Buckets that differ
// are read again, as many at a time as fit, and their rows are paired by key; of the first that differ the contents
// are read a last time.

// The bucket of the rows whose key fields have this hash; for tests, which need rows that share one.
std::size_t BucketOf(const core::Sum128& key);

// Calls its argument with every row of its part of a side. Parts are scanned at the same time, each on a thread of its
// own, every scan from the start.
using RowTaker = std::function<absl::Status(const RowImage&)>;
using ScanPart = std::function<absl::Status(const RowTaker&)>;

struct Sides {
  ScanPart source;
  std::vector<ScanPart> destination;
  std::vector<int> key;  // fields of a row that are its key
  // False: rows that only the destination has are counted, and are no difference.
  bool only_source_rows = true;
};

enum class RowDifference { kMissing, kUnexpected, kDiffering };

struct DifferentRow {
  RowDifference kind = RowDifference::kMissing;
  RowImage source, destination;  // the one that is missing has no field
};

struct Outcome {
  std::int64_t source_rows = 0, destination_rows = 0;
  std::int64_t missing = 0, unexpected = 0, differing = 0;  // rows; unexpected also where it is no difference
  std::vector<DifferentRow> rows;                           // the first `named_max` of them
  core::Sum128 source_sum;                                  // of all rows' hashes
};

struct ComparisonLimits {
  int named_max = 100;
  std::int64_t entries_max = 1 << 20;  // rows paired at a time, of each side: 32 bytes each
};

// Errors: those of the sides, the first that came. A side that cannot be read is never an empty one.
absl::StatusOr<Outcome> Compare(const Sides& sides, const ComparisonLimits& limits = {});

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_COMPARISON_H_
