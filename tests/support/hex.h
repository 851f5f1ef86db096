#ifndef VECFERRY_TESTS_SUPPORT_HEX_H_
#define VECFERRY_TESTS_SUPPORT_HEX_H_

#include <cstddef>
#include <string>

namespace vecferry::testing {

// Hex digits without the spaces that show where a field ends: "0003 00000008"_hex.
inline std::string operator""_hex(const char* digits, std::size_t size) {
  std::string hex;
  for (std::size_t i = 0; i < size; ++i) {
    if (digits[i] != ' ') hex.push_back(digits[i]);
  }
  return hex;
}

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_HEX_H_
