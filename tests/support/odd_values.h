#ifndef VECFERRY_TESTS_SUPPORT_ODD_VALUES_H_
#define VECFERRY_TESTS_SUPPORT_ODD_VALUES_H_

#include <cstdint>
#include <string>

#include "common/core/value.h"
#include "tests/support/random_texts.h"

namespace vecferry::testing {

// Values of all storage classes, most of them of some use for one destination type or another, many near the places
// where rules change, many damaged. Seeds as RandomTexts. Not thread-safe.
class OddValues {
 public:
  core::Value Next();
  // Of text mostly such as JSON arrays of strings.
  std::string Strings() { return Damaged(random_.JsonStrings(random_.Below(5) == 0)); }
  std::uint64_t Below(std::uint64_t end) { return random_.Below(end); }

 private:
  std::int64_t Near(std::int64_t number);
  std::int64_t Integer();
  // SQLite has no NaN: it stores NULL for it.
  double Real();
  double AnyReal();
  std::string Floats();
  std::string Blob();
  std::string NumberList();
  std::string OddTime();
  std::string OddText();
  std::string Text();
  // `text`, one time in three with some odd bytes.
  std::string Damaged(std::string text);

  RandomTexts random_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_ODD_VALUES_H_
