#ifndef VECFERRY_VERIFIER_DECIMAL_TEXT_H_
#define VECFERRY_VERIFIER_DECIMAL_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace vecferry::verifier {

// A decimal number as it is written; its digits are borrowed. The value is whole.fraction times 10^exponent.
struct Decimal {
  bool negative = false;
  absl::string_view whole, fraction;  // digits; not both empty
  std::int64_t exponent = 0;
  absl::string_view unsigned_text;  // all of it after the sign
};

// [+-] digits [. digits] [e [+-] digits], one of the two runs of digits may be empty. No white space.
std::optional<Decimal> ParseDecimal(absl::string_view text);

// Appends the number as numeric holds it, with all digits after the point. False, and nothing appended: it cannot.
bool AppendNumeric(const Decimal& decimal, std::string& out);

// |decimal| without the zeros at both ends: 0.DIGITS times 10^point. Zero has no digits.
struct Magnitude {
  std::string digits;
  std::int64_t point = 0;
  bool operator==(const Magnitude&) const = default;
};
Magnitude MagnitudeOf(const Decimal& decimal);

// The nearest float, half to even; infinite when it is beyond the type.
float NearestFloat(const Decimal& decimal);
double NearestDouble(const Decimal& decimal);

// All digits of a finite number, and the fewest that read back as the same bits.
Magnitude ExactMagnitude(double number);
Magnitude ShortestMagnitude(double number);

// Whether a float says the number, which is as near to it as a double: itself or by its shortest digits.
bool Says(float number, const Decimal& decimal);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_DECIMAL_TEXT_H_
