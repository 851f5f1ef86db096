#include "common/convert/convert.h"

#include "common/convert/wire.h"

namespace vecferry::convert {

Outcome Convert(const core::ValueView& value, const core::PgType& type, std::string& out) {
  switch (type.kind) {
    case core::PgKind::kBool: return ToBool(value, out);
    case core::PgKind::kInt2: return ToInt(value, 2, out);
    case core::PgKind::kInt4: return ToInt(value, 4, out);
    case core::PgKind::kInt8: return ToInt(value, 8, out);
    case core::PgKind::kFloat8: return ToFloat8(value, out);
    case core::PgKind::kNumeric: return ToNumeric(value, out);
    case core::PgKind::kText: return ToText(value, out);
    case core::PgKind::kBytea: return ToBytea(value, out);
    case core::PgKind::kUuid: return ToUuid(value, out);
    case core::PgKind::kTimestamptz: return ToTimestamptz(value, out);
    case core::PgKind::kJsonb: return ToJsonb(value, out);
    case core::PgKind::kTextArray: return ToTextArray(value, 0, out, nullptr);
    case core::PgKind::kUuidArray: return ToUuidArray(value, out);
    case core::PgKind::kVector: return ToVector(value, type.dimension, out);
    case core::PgKind::kHalfvec: return ToHalfvec(value, type.dimension, out);
  }
  return WrongType(value, "known type");
}

}  // namespace vecferry::convert
