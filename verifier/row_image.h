#ifndef VECFERRY_VERIFIER_ROW_IMAGE_H_
#define VECFERRY_VERIFIER_ROW_IMAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/core/record.h"

namespace vecferry::verifier {

// One destination row in canonical form (canonical.h), whichever side says it. Two rows are equal when their hashes
// are: XXH3-128 of all fields, each with a mark for NULL and its length. Keeps its memory between rows. Not
// thread-safe.
class RowImage {
 public:
  void Clear();
  void AddNull();
  void Add(absl::string_view field);
  // A field is appended to buffer() between BeginField and EndField; AbandonField takes it back.
  void BeginField();
  std::string& buffer() { return bytes_; }
  void EndField();
  void AbandonField();

  std::size_t bytes() const { return bytes_.size(); }
  int fields() const { return static_cast<int>(begins_.size()); }
  std::optional<absl::string_view> field(int index) const;  // nullopt: NULL; borrowed until the row changes
  core::Sum128 Hash() const;
  core::Sum128 HashOf(absl::Span<const int> fields) const;

 private:
  absl::string_view WithHead(int index) const;

  std::string bytes_;                // per field a head (NULL or not, length) and its content
  std::vector<std::size_t> begins_;  // of the heads
};

core::Sum128 Hash128(absl::string_view bytes);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_ROW_IMAGE_H_
