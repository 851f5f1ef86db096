#ifndef VECFERRY_COMMON_PROFILE_TYPES_H_
#define VECFERRY_COMMON_PROFILE_TYPES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/core/types.h"
#include "common/profile/values.h"

namespace vecferry::profile {

// Types of generic columns (interface section 4, "generic types").

// What a declaration asks for, and whether the values have a say in it.
struct Declaration {
  core::PgType type;
  // false: INT, REAL, TEXT and BLOB columns have this type whatever they hold; single values that it cannot hold are
  // repaired. true: only when every value fits.
  bool checked = false;
  // No type is declared (or ANY): the storage class found.
  bool untyped = false;
};
Declaration ReadDeclaration(absl::string_view declared_type);

// The type for what was found in a column whose declaration does not fit or is missing: one class, else text.
core::PgType TypeFound(const ValueFacts& facts);

// A column's default as Postgres says it; "" when it is no literal, or none that `type` holds exactly.
std::string TranslateDefault(absl::string_view default_sql, const core::PgType& type);

// What a NOT NULL column of this type takes where the source's value cannot be held: the declared default if it is a
// literal, else the type's empty value. Text that common/convert takes.
std::string EmptyValue(const core::PgType& type);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_TYPES_H_
