#ifndef VECFERRY_VERIFIER_CANONICAL_JSON_H_
#define VECFERRY_VERIFIER_CANONICAL_JSON_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::verifier {

// JSON in more levels than these is no jsonb of ours.
inline constexpr std::size_t kJsonLevelsMax = 10'000;

struct JsonOutcome {
  bool invalid = false;   // no JSON: nothing was appended
  bool too_deep = false;  // JSON in too many levels: the same
  // What was repaired.
  bool invalid_utf8 = false;
  bool not_jsonb = false;  // \u0000, lone surrogates, numbers that numeric cannot hold
  bool duplicate_key = false;
};

// Appends jsonb's canonical form (verifier/canonical.h) of `json`, repaired where jsonb could not hold it. Takes time
// and memory in proportion to the text, whatever its nesting.
JsonOutcome AppendCanonicalJson(absl::string_view json, std::size_t levels_max, std::string& out);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_CANONICAL_JSON_H_
