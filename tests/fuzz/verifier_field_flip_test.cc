// Bytes of fields, as Postgres sends them, are changed, cut out and added. Whatever they hit: no crash (the sanitizers
// see to that); DATA_LOSS or a value, which people can be shown.
// VECFERRY_TEST_SEED=N replays a run.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/convert/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/odd_values.h"
#include "verifier/canonical.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;

constexpr int kRounds = 20'000;

std::string Flipped(std::string field, testing::OddValues& values) {
  for (std::uint64_t left = 1 + values.Below(3); left > 0; --left) {
    const std::size_t at = values.Below(field.size() + 1);
    const auto byte = static_cast<char>(values.Below(4) == 0 ? values.Below(256) : values.Below(3) - 1);
    switch (values.Below(6)) {
      case 0: field.insert(at, 1, byte); break;
      case 1: field.erase(at, 1 + values.Below(4)); break;
      case 2: field.resize(at); break;
      default:
        if (at < field.size())
          field[at] = static_cast<char>(values.Below(2) == 0 ? byte : field[at] ^ 1 << values.Below(8));
    }
  }
  return field;
}

TEST(VerifierFieldFlipTest, DamagedFieldsAreNoValuesOrValues) {
  testing::OddValues values;
  int damaged = 0, taken = 0;
  for (int round = 0; round < kRounds; ++round) {
    const core::Value value = values.Next();
    for (int kind = 0; kind <= static_cast<int>(PgKind::kHalfvec); ++kind) {
      const core::PgType type{static_cast<PgKind>(kind)};
      std::string field, buffer;
      if (convert::Convert(value.view(), type, field).fidelity == convert::Fidelity::kUnfit) continue;
      const std::string flipped = Flipped(field, values);
      const auto canonical = CanonicalField(type, flipped, buffer);
      ++(canonical.ok() ? taken : damaged);
      if (canonical.ok()) {
        CanonicalText(type, *canonical);
      } else {
        ASSERT_EQ(canonical.status().code(), absl::StatusCode::kDataLoss) << absl::BytesToHexString(flipped);
      }
    }
  }
  EXPECT_GT(damaged, kRounds / 10);
  EXPECT_GT(taken, kRounds / 10);
}

}  // namespace
}  // namespace vecferry::verifier
