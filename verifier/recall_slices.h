#ifndef VECFERRY_VERIFIER_RECALL_SLICES_H_
#define VECFERRY_VERIFIER_RECALL_SLICES_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "verifier/compared_table.h"
#include "verifier/recall.h"
#include "verifier/row_image.h"

namespace vecferry::verifier {

// Rows whose vectors are searched together: those with one value in a column, and where the vector column takes any
// dimension, with vectors of one.
struct Slice {
  int column = -1;                   // place of a compared column; -1 = whatever it holds
  std::optional<std::string> value;  // canonical; nullopt = NULL
  int dimension = 0;                 // 0 = the vector column's own
  std::int64_t vectors = 0;          // of the source
};

// Whether a row with that vector is one of the slice's.
bool IsIn(const Slice& slice, const RowImage& row, absl::string_view vector);

// Narrows `target`, of the whole vector column, to the slice.
void Narrow(const Slice& slice, const ComparedTable& table, RecallTarget& target);

// Counts the slices of a column's rows as they come. Memory is bounded. Not thread-safe.
class SliceCounts {
 public:
  static constexpr std::size_t kSlicesMax = 1000, kValueBytesMax = 200;

  // `column` as in Slice; `any_dimension`: vectors of each dimension are slices of their own.
  SliceCounts(int column, bool any_dimension) : column_(column), any_dimension_(any_dimension) {}

  void Add(const RowImage& row, absl::string_view vector);
  // Too many or too long values: some rows were not counted.
  bool overflown() const { return overflown_; }
  std::size_t size() const { return counts_.size(); }
  // The `most` ones with the most vectors, the largest first.
  std::vector<Slice> Largest(std::size_t most) const;

 private:
  const int column_;
  const bool any_dimension_;
  std::map<std::pair<std::optional<std::string>, int>, std::int64_t> counts_;
  bool overflown_ = false;
};

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_RECALL_SLICES_H_
