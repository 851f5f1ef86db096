#include "verifier/canonical.h"
#include "verifier/read_rules.h"

namespace vecferry::verifier {

Reading ReadValue(const core::ValueView& value, const core::PgType& type, std::string& out) {
  if (value.is_null()) return {Reading::Result::kNull};
  switch (type.kind) {
    case core::PgKind::kBool: return ReadBool(value, out);
    case core::PgKind::kInt2: return ReadInteger(value, 2, out);
    case core::PgKind::kInt4: return ReadInteger(value, 4, out);
    case core::PgKind::kInt8: return ReadInteger(value, 8, out);
    case core::PgKind::kFloat8: return ReadFloat8(value, out);
    case core::PgKind::kNumeric: return ReadNumeric(value, out);
    case core::PgKind::kText: return ReadText(value, out);
    case core::PgKind::kBytea: return ReadBytea(value, out);
    case core::PgKind::kUuid: return ReadUuid(value, out);
    case core::PgKind::kTimestamptz: return ReadTimestamptz(value, out);
    case core::PgKind::kJsonb: return ReadJsonb(value, out);
    case core::PgKind::kTextArray: return ReadTextArray(value, 0, out, nullptr);
    case core::PgKind::kUuidArray: return ReadUuidArray(value, out);
    case core::PgKind::kVector: return ReadVector(value, type.dimension, out);
    case core::PgKind::kHalfvec: return ReadHalfvec(value, type.dimension, out);
  }
  return WrongType();
}

}  // namespace vecferry::verifier
