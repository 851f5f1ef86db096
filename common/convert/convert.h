#ifndef VECFERRY_COMMON_CONVERT_CONVERT_H_
#define VECFERRY_COMMON_CONVERT_CONVERT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/core/types.h"
#include "common/core/value.h"

namespace vecferry::convert {

// Conversions from SQLite values to Postgres' binary wire form (docs/wire_format.md): pure functions, one file a
// destination type. Each appends the field's content, without its length word, to `out`. Thread-safe.

enum class Fidelity {
  kExact,     // appended, nothing lost
  kRounded,   // appended, beyond the type's precision: half to even (counted, no issue)
  kRepaired,  // appended with a stated change: an issue
  kNull,      // the value is NULL: nothing appended
  kUnfit,     // the type cannot hold it: nothing appended; the caller's fallback decides
};

struct Outcome {
  Fidelity fidelity = Fidelity::kExact;
  absl::string_view kind;  // issue kind, such as "invalid_json"; static text; set for kRepaired and kUnfit
  std::string reason;      // one line for people; set for kRepaired and kUnfit
};

Outcome ToBool(const core::ValueView& value, std::string& out);
Outcome ToInt(const core::ValueView& value, int bytes, std::string& out);  // 2, 4 or 8 bytes
Outcome ToFloat8(const core::ValueView& value, std::string& out);
Outcome ToNumeric(const core::ValueView& value, std::string& out);
Outcome ToText(const core::ValueView& value, std::string& out);
Outcome ToBytea(const core::ValueView& value, std::string& out);
Outcome ToUuid(const core::ValueView& value, std::string& out);
Outcome ToTimestamptz(const core::ValueView& value, std::string& out);
Outcome ToJsonb(const core::ValueView& value, std::string& out);
// A JSON array of strings. Elements over `element_bytes_max` (0 = no bound) are left out and appended to `moved`.
Outcome ToTextArray(const core::ValueView& value, std::size_t element_bytes_max, std::string& out,
                    std::vector<std::string>* moved);
Outcome ToUuidArray(const core::ValueView& value, std::string& out);
// A blob of little-endian float32, or a JSON array of numbers. dimension 0 = any. Kinds: vector_length,
// vector_not_finite, vector_dimension, vector_not_blob, vector_too_long.
Outcome ToVector(const core::ValueView& value, int dimension, std::string& out);
Outcome ToHalfvec(const core::ValueView& value, int dimension, std::string& out);

// Dispatches on the type.
Outcome Convert(const core::ValueView& value, const core::PgType& type, std::string& out);

// Ids (interface section 4): a canonical UUID as it is; other spellings normalised; any other text or blob becomes the
// UUIDv5 of (namespace bbada3e7-23d4-5350-af54-67cc01d8ddea, its bytes | "blob:" + hex). NULL: kNull. Integers and
// reals go by their text form.
Outcome ToId(const core::ValueView& value, std::string& out);

}  // namespace vecferry::convert

#endif  // VECFERRY_COMMON_CONVERT_CONVERT_H_
