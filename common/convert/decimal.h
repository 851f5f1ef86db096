#ifndef VECFERRY_COMMON_CONVERT_DECIMAL_H_
#define VECFERRY_COMMON_CONVERT_DECIMAL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

// Within common/convert only.
namespace vecferry::convert {

// A decimal number as written: 0.`digits` x 10^`point`, digits without leading zeros; empty digits = zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;  // 0 for zero
  std::int64_t scale = 0;  // digits after the point once the exponent is applied, trailing zeros included
  bool refused = false;    // its exponent is one that Postgres' numeric does not read
  // The same number, however it is written.
  bool SameNumber(const Decimal& other) const;
};

// Reads [sign] digits [. digits] [e [sign] digits], with a digit before or after the point. nullopt: no such number.
std::optional<Decimal> ReadDecimal(absl::string_view text);

// Whether Postgres' numeric can hold it: up to 131,072 digits before the point and 16,383 after it.
bool FitsNumeric(const Decimal& decimal);

// Appends `decimal`, which fits, in numeric's wire form.
void AppendNumeric(const Decimal& decimal, std::string& out);

// Whether `value` says the same number as `decimal`: by its shortest digits, or by its exact value.
bool IsSameNumber(double value, const Decimal& decimal);

}  // namespace vecferry::convert

#endif  // VECFERRY_COMMON_CONVERT_DECIMAL_H_
