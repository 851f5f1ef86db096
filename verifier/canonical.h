#ifndef VECFERRY_VERIFIER_CANONICAL_H_
#define VECFERRY_VERIFIER_CANONICAL_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/types.h"
#include "common/core/value.h"

namespace vecferry::verifier {

// The verifier's own statement of docs/interface.md section 4 and docs/conversions.md. Source values and destination
// values are brought into one canonical form, in which equal values have equal bytes and no two different ones do:
// - boolean 1 byte; integers, float8 (bit by bit), timestamptz big-endian as Postgres sends them; text and bytea their
//   bytes; uuid 16 bytes;
// - numeric its decimal text with all digits after the point ("-12.50"; "0.00"; "NaN", "-Infinity"; no "-0");
// - vector and halfvec as pgvector sends them;
// - jsonb compact JSON text: no white space, the last of equal keys, keys in the order of their bytes as written here,
//   numbers as numeric's text, strings with the shortest escapes ('"', '\\' and control characters only);
// - arrays per element 0 (NULL), or 1, a 4-byte big-endian length and its bytes; an array of another shape than one
//   dimension from 1 begins with the byte 2 and is followed by what Postgres sent. An empty array has no bytes.
// Pure functions, thread-safe. Nothing here is shared with common/convert or common/pgcopy.

struct Reading {
  enum class Result {
    kExact,     // appended
    kRounded,   // appended, beyond the type's precision
    kRepaired,  // appended with a stated change: one issue of `kind`
    kNull,      // SQL NULL: nothing appended
    kUnfit,     // the type cannot hold it: nothing appended; the column's fallback decides
  };
  Result result = Result::kExact;
  absl::string_view kind = {};  // static text; of kRepaired and kUnfit, as docs/conversions.md names it
};

// Appends the canonical form of what `value` becomes in a column of `type`.
Reading ReadValue(const core::ValueView& value, const core::PgType& type, std::string& out);

// As ReadValue of text[]; elements of more than `element_bytes_max` bytes (0 = no bound) go to `moved` instead.
Reading ReadTextArray(const core::ValueView& value, std::size_t element_bytes_max, std::string& out,
                      std::vector<std::string>* moved);

// Appends the 16 bytes of the uuid that an id becomes ("uuid as an id"). Results: kExact, kRepaired, kNull.
Reading ReadId(const core::ValueView& value, std::string& out);

// The canonical form of a field that Postgres sent (COPY ... TO STDOUT, FORMAT binary) from a column of `type`; either
// `field` itself or made in `buffer`. A vector's dimension is not held against the type's. kDataLoss: it is no such
// value.
absl::StatusOr<absl::string_view> CanonicalField(const core::PgType& type, absl::string_view field,
                                                 std::string& buffer);

// A canonical value, as made by the functions above, in Postgres' words, for people and as a literal: '\xff' for bytea,
// '{"a",NULL}' for arrays (texts always quoted), '[1,2]' for vectors (shortest digits), UTC times with microseconds.
std::string CanonicalText(const core::PgType& type, absl::string_view canonical);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_CANONICAL_H_
