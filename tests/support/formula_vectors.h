#ifndef VECFERRY_TESTS_SUPPORT_FORMULA_VECTORS_H_
#define VECFERRY_TESTS_SUPPORT_FORMULA_VECTORS_H_

#include <cstdint>
#include <vector>

namespace vecferry::testing {

// Vectors by the formula of tests/integration/recall_truth.py: SplitMix64 of seed, row and column, its upper 24 bits as
// a number from -1 to 1. Floats hold it exactly.
inline std::vector<float> FormulaVector(std::uint64_t seed, std::uint64_t row, int dimension) {
  std::vector<float> numbers;
  for (int column = 0; column < dimension; ++column) {
    std::uint64_t bits = (seed << 48 ^ row << 16 ^ static_cast<std::uint64_t>(column)) + 0x9E3779B97F4A7C15u;
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9u;
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EBu;
    bits ^= bits >> 31;
    numbers.push_back(static_cast<float>(bits >> 40) * 0x1p-23f - 1);
  }
  return numbers;
}

inline std::vector<std::vector<float>> FormulaVectors(std::uint64_t seed, int rows, int dimension) {
  std::vector<std::vector<float>> vectors;
  for (int row = 0; row < rows; ++row) vectors.push_back(FormulaVector(seed, row, dimension));
  return vectors;
}

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_FORMULA_VECTORS_H_
