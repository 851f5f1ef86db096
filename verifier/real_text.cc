#include "verifier/real_text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace vecferry::verifier {
namespace {

template <typename Float>
std::string Written(Float number, std::chars_format format) {
  // The longest comes from the format `fixed`, which is used for exponents under 15 alone.
  char buffer[64];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), number, format).ptr);
}

int ExponentOf(const std::string& scientific) { return std::atoi(scientific.c_str() + scientific.find('e') + 1); }

template <typename Float>
std::string InPostgres(Float number, int fixed_below) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  std::string scientific = Written(number, std::chars_format::scientific);
  const int exponent = ExponentOf(scientific);
  if (exponent < -4 || exponent >= fixed_below) return scientific;
  return Written(number, std::chars_format::fixed);
}

}  // namespace

std::string ScientificText(double number) { return Written(number, std::chars_format::scientific); }

std::string SqliteText(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Inf" : "Inf";
  std::string text = ScientificText(number);
  const int exponent = ExponentOf(text);
  // SQLite's format is %!.15g: the exponent shows where 15 digits would not reach the point.
  const bool fixed = exponent >= -4 && exponent < 15;
  if (fixed) text = Written(number, std::chars_format::fixed);
  if (text.find('.') == std::string::npos) text.insert(fixed ? text.size() : text.find('e'), ".0");
  return text;
}

std::string PostgresText(double number) { return InPostgres(number, 15); }
std::string PostgresText(float number) { return InPostgres(number, 6); }

}  // namespace vecferry::verifier
