#ifndef VECFERRY_COMMON_CORE_TYPES_H_
#define VECFERRY_COMMON_CORE_TYPES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace vecferry::core {

// The destination types that vecferry writes.
enum class PgKind {
  kBool,
  kInt2,
  kInt4,
  kInt8,
  kFloat8,
  kNumeric,
  kText,
  kBytea,
  kUuid,
  kTimestamptz,
  kJsonb,
  kTextArray,
  kUuidArray,
  kVector,
  kHalfvec,
};

struct PgType {
  PgKind kind = PgKind::kText;
  int dimension = 0;  // kVector, kHalfvec: the typmod; 0 = none
  bool operator==(const PgType&) const = default;
};

// The type as SQL. Vector types are qualified with `extension_schema`, the schema that holds pgvector.
std::string ToSql(const PgType& type, absl::string_view extension_schema);
// The type as plans and reports name it, such as "vector(384)"; ParsePgType reads it back, and format_type()'s names
// (kInvalidArgument: a type that vecferry does not write).
std::string ToString(const PgType& type);
absl::StatusOr<PgType> ParsePgType(absl::string_view text);

// "name" with inner quotes doubled: an SQL identifier, for Postgres and SQLite alike.
std::string QuoteIdentifier(absl::string_view name);
// 'text' with inner quotes doubled, for Postgres (standard_conforming_strings) and SQLite alike.
std::string QuoteLiteral(absl::string_view text);
// schema.table, both quoted.
std::string QualifiedName(absl::string_view schema, absl::string_view table);

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_TYPES_H_
