#ifndef VECFERRY_TESTS_SUPPORT_RANDOM_TEXTS_H_
#define VECFERRY_TESTS_SUPPORT_RANDOM_TEXTS_H_

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vecferry::testing {

// Texts as columns of SQLite stores hold them: mostly good, now and then with a fault. The seed is printed;
// VECFERRY_TEST_SEED=N replays it. Not thread-safe.
class RandomTexts {
 public:
  RandomTexts();

  std::uint64_t Bits() { return random_(); }
  std::uint64_t Below(std::uint64_t end) { return random_() % end; }
  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return values.begin()[Below(values.size())];
  }

  // Up to `size_max` characters of `alphabet`.
  std::string Letters(absl::string_view alphabet, std::uint64_t size_max);
  // `text`, one time in three with one character changed, left out or added.
  std::string Mutate(std::string text, absl::string_view alphabet);

  std::string Boolean();
  std::string Integer();
  std::string Number(std::uint64_t digits_max);  // decimal, with a point and an exponent now and then
  std::string Utf8();                            // bytes, mostly valid UTF-8
  std::string Uuid();                            // in all of Postgres' spellings
  std::string Time();                            // of the years 1 to 9999, offsets below 15 hours
  std::string Json(int depth);
  std::string JsonStrings(bool uuids);            // a JSON array of them
  std::vector<float> Floats(std::uint64_t size);  // finite; any bits among them

 private:
  std::string JsonString();
  std::mt19937_64 random_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_RANDOM_TEXTS_H_
