// The verifier's statement of the conversions against the copy's: two programs that share no line must agree on every
// value. VECFERRY_TEST_SEED=N replays a run.
#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/convert/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/odd_values.h"
#include "tests/support/reading.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using core::ValueView;

constexpr int kValues = 30'000;

const std::vector<core::PgType>& Types() {
  static const std::vector<core::PgType>& types = *new std::vector<core::PgType>{
      {PgKind::kBool},    {PgKind::kInt2},      {PgKind::kInt4},      {PgKind::kInt8},   {PgKind::kFloat8},
      {PgKind::kNumeric}, {PgKind::kText},      {PgKind::kBytea},     {PgKind::kUuid},   {PgKind::kTimestamptz},
      {PgKind::kJsonb},   {PgKind::kTextArray}, {PgKind::kUuidArray}, {PgKind::kVector}, {PgKind::kVector, 3},
      {PgKind::kHalfvec}, {PgKind::kHalfvec, 3}};
  return types;
}

std::string Described(const ValueView& value) {
  switch (value.storage) {
    case core::StorageClass::kNull: return "NULL";
    case core::StorageClass::kInteger: return absl::StrCat("integer ", value.integer);
    case core::StorageClass::kReal: return absl::StrFormat("real %.17g", value.real);
    case core::StorageClass::kText: return absl::StrCat("text '", absl::CHexEscape(value.bytes.substr(0, 300)), "'");
    case core::StorageClass::kBlob: return absl::StrCat("blob ", absl::BytesToHexString(value.bytes.substr(0, 100)));
  }
  return "";
}

Reading::Result ResultOf(convert::Fidelity fidelity) {
  switch (fidelity) {
    case convert::Fidelity::kExact: return Reading::Result::kExact;
    case convert::Fidelity::kRounded: return Reading::Result::kRounded;
    case convert::Fidelity::kRepaired: return Reading::Result::kRepaired;
    case convert::Fidelity::kNull: return Reading::Result::kNull;
    case convert::Fidelity::kUnfit: return Reading::Result::kUnfit;
  }
  return Reading::Result::kNull;
}

// What the copy makes of a value, in canonical form; "damaged" when it is no such field.
std::string Copied(const convert::Outcome& outcome, const core::PgType& type, const std::string& field) {
  const Reading reading{ResultOf(outcome.fidelity), outcome.kind};
  if (reading.result == Reading::Result::kNull || reading.result == Reading::Result::kUnfit) {
    return testing::Shown(reading, type.kind, field);
  }
  if (type.kind == PgKind::kJsonb) {
    // The copy leaves it to Postgres to choose among equal keys.
    std::string canonical;
    const Reading json = ReadValue(ValueView::Text(absl::string_view(field).substr(1)), type, canonical);
    const bool good = json.result == Reading::Result::kExact || json.kind == "duplicate_json_key";
    return good ? testing::Shown(reading, type.kind, canonical) : "damaged";
  }
  std::string buffer;
  const auto canonical = CanonicalField(type, field, buffer);
  return canonical.ok() ? testing::Shown(reading, type.kind, *canonical) : "damaged";
}

void ExpectAgreement(const ValueView& value) {
  for (const core::PgType& type : Types()) {
    std::string field;
    const convert::Outcome outcome = convert::Convert(value, type, field);
    const std::string read = testing::Read(type, value), copied = Copied(outcome, type, field);
    EXPECT_EQ(read, copied) << core::ToString(type) << " of " << Described(value);
  }
  std::string id, field;
  const Reading reading = ReadId(value, id);
  EXPECT_EQ(testing::Shown(reading, PgKind::kUuid, id), Copied(convert::ToId(value, field), {PgKind::kUuid}, field))
      << "id of " << Described(value);
}

void ExpectAgreementOnTextArray(const ValueView& value, std::size_t element_bytes_max) {
  std::string canonical, field, buffer;
  std::vector<std::string> moved, moved_by_copy;
  const Reading reading = ReadTextArray(value, element_bytes_max, canonical, &moved);
  const convert::Outcome outcome = convert::ToTextArray(value, element_bytes_max, field, &moved_by_copy);
  EXPECT_EQ(testing::Shown(reading, PgKind::kTextArray, canonical), Copied(outcome, {PgKind::kTextArray}, field))
      << Described(value) << " up to " << element_bytes_max;
  if (reading.result == Reading::Result::kUnfit) return;
  EXPECT_EQ(moved, moved_by_copy) << Described(value);
}

TEST(VerifierAgainstConvertTest, AgreesOnValuesOfEveryClassInEveryType) {
  ExpectAgreement(ValueView::Null());
  testing::OddValues values;
  for (int left = kValues; left > 0 && !HasFailure(); --left) ExpectAgreement(values.Next().view());
}

TEST(VerifierAgainstConvertTest, AgreesOnWhichElementsMove) {
  testing::OddValues values;
  for (int left = kValues; left > 0 && !HasFailure(); --left) {
    const std::string strings = values.Strings();
    ExpectAgreementOnTextArray(ValueView::Text(strings), 1 + values.Below(6));
  }
}

TEST(VerifierAgainstConvertTest, AgreesOnNestingAndSize) {
  for (const std::size_t levels : {9'999, 10'000, 10'001, 20'000}) {
    const std::string open(levels, '['), close(levels, ']');
    ExpectAgreement(ValueView::Text(open + close));
    ExpectAgreement(ValueView::Text(open));
    ExpectAgreement(ValueView::Text(open + close + "]"));
    ExpectAgreement(ValueView::Text(absl::StrCat("{\"a\":", open, close, "}")));
  }
  for (const std::size_t components : {15'999, 16'000, 16'001}) {
    ExpectAgreement(ValueView::Blob(std::string(components * sizeof(float), '\1')));
    ExpectAgreement(ValueView::Blob(std::string(components * sizeof(float) + 1, '\xff')));
    ExpectAgreement(ValueView::Text(absl::StrCat("[0", std::string((components - 1) * 2, ' '), "]")));
  }
}

}  // namespace
}  // namespace vecferry::verifier
