#ifndef VECFERRY_COMMON_CORE_RECORD_H_
#define VECFERRY_COMMON_CORE_RECORD_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/core/value.h"

namespace vecferry::core {

// Typed values as bytes, in SQLite's record format (https://sqlite.org/fileformat2.html#record_format): a header of
// serial types, then the values. One value has exactly one encoding here, so records may be compared as bytes for
// equality. Used for key positions, plan boundaries and raw rows; jsonb could hold neither NULs nor 1 beside 1.0.
std::string EncodeRecord(absl::Span<const ValueView> values);

// The inverse. Errors: kDataLoss when `record` is not one whole record.
absl::StatusOr<std::vector<Value>> DecodeRecord(absl::string_view record);

// A sum modulo 2^128.
struct Sum128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  Sum128& operator+=(const Sum128& other);
  bool operator==(const Sum128&) const = default;
  std::string ToBytes() const;                                       // 16 bytes, big-endian
  static absl::StatusOr<Sum128> FromBytes(absl::string_view bytes);  // kDataLoss unless 16 bytes
};

// XXH3-128 of one source row: of each value its storage class, length and content. Never of a record's bytes, so that
// large values are not copied first.
Sum128 HashRow(absl::Span<const ValueView> values);

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_RECORD_H_
