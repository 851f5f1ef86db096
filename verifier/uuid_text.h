#ifndef VECFERRY_VERIFIER_UUID_TEXT_H_
#define VECFERRY_VERIFIER_UUID_TEXT_H_

#include <array>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::verifier {

struct UuidText {
  std::array<char, 16> bytes = {};
  bool canonical = false;  // lower case, hyphens at the usual places, no braces
};
// Any spelling that Postgres' uuid takes (https://www.postgresql.org/docs/15/datatype-uuid.html).
std::optional<UuidText> ParseUuid(absl::string_view text);

// The canonical text of 16 bytes.
std::string UuidTextOf(absl::string_view bytes);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_UUID_TEXT_H_
