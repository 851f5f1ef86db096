#include "common/core/types.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace vecferry::core {
namespace {

struct NamedKind {
  PgKind kind;
  absl::string_view name;
};
constexpr NamedKind kKinds[] = {
    {PgKind::kBool, "boolean"},
    {PgKind::kInt2, "smallint"},
    {PgKind::kInt4, "integer"},
    {PgKind::kInt8, "bigint"},
    {PgKind::kFloat8, "double precision"},
    {PgKind::kNumeric, "numeric"},
    {PgKind::kText, "text"},
    {PgKind::kBytea, "bytea"},
    {PgKind::kUuid, "uuid"},
    {PgKind::kTimestamptz, "timestamptz"},
    {PgKind::kJsonb, "jsonb"},
    {PgKind::kTextArray, "text[]"},
    {PgKind::kUuidArray, "uuid[]"},
    {PgKind::kVector, "vector"},
    {PgKind::kHalfvec, "halfvec"},
};

absl::string_view NameOf(PgKind kind) {
  for (const NamedKind& entry : kKinds) {
    if (entry.kind == kind) return entry.name;
  }
  return "text";
}

bool IsVector(PgKind kind) { return kind == PgKind::kVector || kind == PgKind::kHalfvec; }

std::string Typmod(const PgType& type) { return type.dimension > 0 ? absl::StrCat("(", type.dimension, ")") : ""; }

}  // namespace

std::string ToSql(const PgType& type, absl::string_view extension_schema) {
  if (!IsVector(type.kind)) return std::string(NameOf(type.kind));
  return absl::StrCat(QualifiedName(extension_schema, NameOf(type.kind)), Typmod(type));
}

std::string ToString(const PgType& type) {
  return absl::StrCat(NameOf(type.kind), IsVector(type.kind) ? Typmod(type) : "");
}

absl::StatusOr<PgType> ParsePgType(absl::string_view text) {
  if (text == "timestamp with time zone") return PgType{PgKind::kTimestamptz};
  for (const NamedKind& entry : kKinds) {
    if (text == entry.name) return PgType{entry.kind};
    absl::string_view rest = text;
    int dimension = 0;
    if (IsVector(entry.kind) && absl::ConsumePrefix(&rest, entry.name) && absl::ConsumePrefix(&rest, "(") &&
        absl::ConsumeSuffix(&rest, ")") && absl::SimpleAtoi(rest, &dimension) && dimension > 0) {
      return PgType{entry.kind, dimension};
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("no type that vecferry writes: ", text));
}

std::string QuoteIdentifier(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

std::string QuoteLiteral(absl::string_view text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "''"}}), "'");
}

std::string QualifiedName(absl::string_view schema, absl::string_view table) {
  return absl::StrCat(QuoteIdentifier(schema), ".", QuoteIdentifier(table));
}

}  // namespace vecferry::core
