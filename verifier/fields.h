#ifndef VECFERRY_VERIFIER_FIELDS_H_
#define VECFERRY_VERIFIER_FIELDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/core/types.h"

// Fields as Postgres sends them, of the types whose canonical form is another.
namespace vecferry::verifier {

inline constexpr char kOtherShape = '\2';  // what the canonical form of such an array begins with

// An array as array_send writes it.
struct ArrayField {
  struct Dimension {
    std::uint32_t size = 0;
    std::int32_t lower_bound = 1;
  };
  std::vector<Dimension> dimensions;                       // of an empty array none
  std::vector<std::optional<absl::string_view>> elements;  // the last dimension's next to each other; no value: NULL
};
// No value: `field` is no array of `kind`, kTextArray or kUuidArray. Elements are borrowed.
std::optional<ArrayField> ParseArrayField(core::PgKind kind, absl::string_view field);

// Appends the canonical form. False: `field` is no such value.
bool AppendNumericField(absl::string_view field, std::string& out);
bool AppendArrayField(core::PgKind kind, absl::string_view field, std::string& out);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_FIELDS_H_
