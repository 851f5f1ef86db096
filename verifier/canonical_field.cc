#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "verifier/bytes.h"
#include "verifier/calendar.h"
#include "verifier/canonical.h"
#include "verifier/canonical_json.h"
#include "verifier/fields.h"
#include "verifier/utf8_walk.h"
#include "verifier/vector_bytes.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kBytesShown = 32;  // of a damaged field
constexpr char kJsonbVersion = '\1';

bool IsTimestamp(absl::string_view field) {
  if (field.size() != 8) return false;
  const auto microseconds = static_cast<std::int64_t>(FromNetwork<std::uint64_t>(field.data()));
  // The ends of the range are -infinity and infinity.
  if (microseconds == INT64_MIN || microseconds == INT64_MAX) return true;
  return microseconds >= kTimestampMin && microseconds < kTimestampEnd;
}

bool IsVector(absl::string_view field, std::size_t component_bytes, bool (*are_finite)(absl::string_view)) {
  if (field.size() < 4) return false;
  const std::size_t components = FromNetwork<std::uint16_t>(field.data());
  return components > 0 && components <= kVectorComponentsMax && FromNetwork<std::uint16_t>(field.data() + 2) == 0 &&
         field.size() == 4 + components * component_bytes && are_finite(field.substr(4));
}

// Levels are not bounded: rows that were there before may have more than a source's.
bool AppendJsonbField(absl::string_view field, std::string& out) {
  if (field.empty() || field[0] != kJsonbVersion) return false;
  const JsonOutcome outcome = AppendCanonicalJson(field.substr(1), field.size(), out);
  return !outcome.invalid && !outcome.invalid_utf8 && !outcome.not_jsonb && !outcome.duplicate_key;
}

// Whether `field` is a value of `kind`, whose canonical form is what Postgres sends.
bool IsValue(core::PgKind kind, absl::string_view field) {
  switch (kind) {
    case core::PgKind::kBool: return field.size() == 1 && (field[0] == '\0' || field[0] == '\1');
    case core::PgKind::kInt2: return field.size() == 2;
    case core::PgKind::kInt4: return field.size() == 4;
    case core::PgKind::kInt8:
    case core::PgKind::kFloat8: return field.size() == 8;
    case core::PgKind::kTimestamptz: return IsTimestamp(field);
    case core::PgKind::kText: return IsCleanText(field);
    case core::PgKind::kBytea: return true;
    case core::PgKind::kUuid: return field.size() == 16;
    case core::PgKind::kVector: return IsVector(field, 4, AreFiniteFloats);
    case core::PgKind::kHalfvec: return IsVector(field, 2, AreFiniteHalves);
    default: return false;
  }
}

}  // namespace

absl::StatusOr<absl::string_view> CanonicalField(const core::PgType& type, absl::string_view field,
                                                 std::string& buffer) {
  bool good = false;
  absl::string_view canonical = field;
  switch (type.kind) {
    case core::PgKind::kNumeric:
    case core::PgKind::kJsonb:
    case core::PgKind::kTextArray:
    case core::PgKind::kUuidArray:
      buffer.clear();
      good = type.kind == core::PgKind::kNumeric ? AppendNumericField(field, buffer)
             : type.kind == core::PgKind::kJsonb ? AppendJsonbField(field, buffer)
                                                 : AppendArrayField(type.kind, field, buffer);
      canonical = buffer;
      break;
    default: good = IsValue(type.kind, field);
  }
  if (good) return canonical;
  return absl::DataLossError(absl::StrCat("Postgres sent ", field.size(), " bytes that are no ", core::ToString(type),
                                          ": ", absl::BytesToHexString(field.substr(0, kBytesShown)),
                                          field.size() > kBytesShown ? "..." : ""));
}

}  // namespace vecferry::verifier
