// Each conversion on any value: the first byte chooses the destination type, the second the storage class; the rest is
// the value. VECFERRY_FUZZ_KIND=N holds the type fast.
#include <cmath>
#include <cstring>
#include <string>

#include "common/convert/convert.h"
#include "common/core/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace vecferry::testing {
namespace {

using convert::Fidelity;
using convert::Outcome;
using core::PgKind;
using core::ValueView;

constexpr int kKinds = static_cast<int>(PgKind::kHalfvec) + 1;
constexpr int kId = kKinds;  // no type of its own: ToId

template <typename T>
T NumberOf(absl::string_view bytes) {
  T number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof(number)));
  return number;
}

ValueView ValueOf(std::uint8_t storage, absl::string_view bytes) {
  switch (storage % 5) {
    case 0: return ValueView::Null();
    case 1: return ValueView::Integer(NumberOf<std::int64_t>(bytes));
    case 2: return ValueView::Real(NumberOf<double>(bytes));
    case 3: return ValueView::Text(bytes);
    default: return ValueView::Blob(bytes);
  }
}

Outcome ConvertTo(int kind, const ValueView& value, std::string& out) {
  if (kind == kId) return convert::ToId(value, out);
  return convert::Convert(value, {static_cast<PgKind>(kind), 0}, out);
}

// Sizes that the wire form has whatever the value; 0 = they differ.
std::size_t FixedSize(int kind) {
  if (kind == kId) return 16;
  switch (static_cast<PgKind>(kind)) {
    case PgKind::kBool: return 1;
    case PgKind::kInt2: return 2;
    case PgKind::kInt4: return 4;
    case PgKind::kInt8:
    case PgKind::kFloat8:
    case PgKind::kTimestamptz: return 8;
    case PgKind::kUuid: return 16;
    default: return 0;
  }
}

void CheckWire(int kind, absl::string_view wire) {
  const std::size_t fixed = FixedSize(kind);
  Require(fixed == 0 || wire.size() == fixed, "the size of the type");
  if (kind == kId) return;
  switch (static_cast<PgKind>(kind)) {
    case PgKind::kText:
      Require(core::ValidUtf8Prefix(wire) == wire.size() && wire.find('\0') == wire.npos, "text is UTF-8 without NUL");
      return;
    case PgKind::kJsonb:
      Require(!wire.empty() && wire[0] == 1, "jsonb begins with its version");
      Require(core::ValidUtf8Prefix(wire) == wire.size(), "jsonb is UTF-8");
      return;
    case PgKind::kVector:
    case PgKind::kHalfvec: {
      Require(wire.size() >= 4, "a vector has a head");
      const std::size_t dimension = static_cast<unsigned char>(wire[0]) * 256u + static_cast<unsigned char>(wire[1]);
      const std::size_t component = static_cast<PgKind>(kind) == PgKind::kVector ? 4 : 2;
      Require(dimension > 0 && wire.size() == 4 + component * dimension, "a vector has its components");
      return;
    }
    default: return;
  }
}

void Check(int kind, const ValueView& value) {
  const std::string before = "before";
  std::string out = before;
  const Outcome outcome = ConvertTo(kind, value, out);
  const absl::string_view appended = absl::string_view(out).substr(before.size());
  Require(out.compare(0, before.size(), before) == 0, "what was there stays");
  const bool carried = outcome.fidelity != Fidelity::kNull && outcome.fidelity != Fidelity::kUnfit;
  Require(carried || appended.empty(), "nothing is appended when nothing is carried");
  Require(value.is_null() ? outcome.fidelity == Fidelity::kNull : true, "NULL is NULL");
  const bool is_told = outcome.fidelity == Fidelity::kRepaired || outcome.fidelity == Fidelity::kUnfit;
  Require(outcome.kind.empty() != is_told, "a kind exactly where something is to be told");
  if (carried) CheckWire(kind, appended);
  std::string again;
  ConvertTo(kind, value, again);
  Require(again == appended, "the same value has the same form");
}

}  // namespace

void CheckInput(std::uint8_t kind, std::uint8_t storage, absl::string_view bytes) {
  static const char* const held = std::getenv("VECFERRY_FUZZ_KIND");
  Check((held != nullptr ? std::atoi(held) : kind) % (kKinds + 1), ValueOf(storage, bytes));
}

}  // namespace vecferry::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 2) vecferry::testing::CheckInput(data[0], data[1], vecferry::testing::AsText(data + 2, size - 2));
  return 0;
}
