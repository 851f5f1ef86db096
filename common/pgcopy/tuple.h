#ifndef VECFERRY_COMMON_PGCOPY_TUPLE_H_
#define VECFERRY_COMMON_PGCOPY_TUPLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vecferry::pgcopy {

// COPY BINARY (https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4): integers big-endian.
// File header: signature, flags 0, no extension. Trailer: int16 -1.
absl::string_view FileHeader();
absl::string_view FileTrailer();

// Appends tuples to a buffer that it does not own. A tuple is int16 column count, then per field int32 length (-1 NULL)
// and content. Usage: BeginTuple(n); n times: Null(), or BeginField(), append to buffer(), EndField().
class TupleWriter {
 public:
  explicit TupleWriter(std::string& buffer) : buffer_(buffer) {}
  void BeginTuple(int columns);
  void Null();
  void BeginField();
  void EndField();
  // Takes back a begun field, as if it had not been begun.
  void AbandonField();
  std::string& buffer() { return buffer_; }

 private:
  std::string& buffer_;
  std::size_t field_at_ = 0;
};

// The fields of one tuple, borrowed from it; nullopt = NULL. kDataLoss: not exactly one tuple.
absl::StatusOr<std::vector<std::optional<absl::string_view>>> ReadTuple(absl::string_view tuple);

}  // namespace vecferry::pgcopy

#endif  // VECFERRY_COMMON_PGCOPY_TUPLE_H_
