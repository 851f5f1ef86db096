#include "tests/support/odd_values.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace vecferry::testing {

using core::Value;
using core::ValueView;

Value OddValues::Next() {
  switch (random_.Below(8)) {
    case 0: return Value(ValueView::Integer(Integer()));
    case 1: return Value(ValueView::Real(Real()));
    case 2: return Value(ValueView::Blob(Blob()));
    default: return Value(ValueView::Text(Text()));
  }
}

std::int64_t OddValues::Near(std::int64_t number) { return number + static_cast<std::int64_t>(random_.Below(5)) - 2; }

std::int64_t OddValues::Integer() {
  if (random_.Below(3) == 0) return static_cast<std::int64_t>(random_.Bits()) >> random_.Below(64);
  const std::int64_t number = Near(random_.Pick<std::int64_t>(
      {0, 32768, 2147483648, 100'000'000'000, 211'813'488'000, 1'700'000'000, 9007199254740992, 1'700'000'000'000,
       9'223'371'331'200, 9'224'318'016'000, 9'224'318'016'000'000, 210'866'803'200'000, 4'611'686'018'427'387'904}));
  return random_.Below(2) == 0 ? number : -number;
}

double OddValues::Real() {
  const double number = AnyReal();
  return std::isnan(number) ? 0 : number;
}

double OddValues::AnyReal() {
  switch (random_.Below(6)) {
    case 0: return std::bit_cast<double>(random_.Bits());
    case 1: return static_cast<double>(Integer());
    case 2: return static_cast<double>(Integer()) + random_.Pick({0.5, 0.25, 0.1, 1e-7});
    case 3: return static_cast<double>(Integer()) / random_.Pick({10.0, 1000.0, 3.0, 1e6, 1e7, 1e9});
    case 4:
      return random_.Pick({0.0, -0.0, 1.0, -1.0, 0.1, 1e15, 1e-5, 123456789012345680.0, 1e308, 5e-324, 1e16,
                           std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                           9223372036854775808.0, -9223372036854775808.0, 99999999999.9999, -1e11, 0.0000005});
    default: return static_cast<double>(random_.Floats(1)[0]);
  }
}

std::string OddValues::Floats() {
  std::string blob;
  const std::uint64_t size = random_.Below(500) == 0 ? 16'000 + random_.Below(2) : random_.Below(6);
  for (float number : random_.Floats(size)) {
    if (random_.Below(4) == 0) number *= random_.Pick({1000.0f, 1e-6f, 65504.0f, 0.0f});
    if (random_.Below(60) == 0) number = random_.Pick({INFINITY, -NAN, 65519.0f, 65520.0f, 0x1p-25f, 0x3p-25f});
    char bytes[sizeof(number)];
    std::memcpy(bytes, &number, sizeof(number));
    blob.append(bytes, sizeof(bytes));
  }
  return blob;
}

std::string OddValues::Blob() {
  switch (random_.Below(5)) {
    case 0: return Text();
    case 1: return Floats().append(random_.Below(4), 'x');
    case 2: return std::string(16, static_cast<char>(random_.Bits()));
    default: return Floats();
  }
}

std::string OddValues::NumberList() {
  std::vector<std::string> numbers;
  for (std::uint64_t left = random_.Below(5); left > 0; --left) {
    std::string number = random_.Below(3) == 0 ? random_.Json(0) : random_.Number(random_.Pick({2, 9, 30}));
    if (random_.Below(8) == 0) {
      number = random_.Pick({"1e39", "-1e-50", "65519.9999999", "65520", "3.4028236e38", "1.00048828125", "0.1", "-0",
                             "3.4028235677973366e38", "0.099975586", "0.0999755859375", "1e400", "5.960464477539063e-8",
                             "2.98e-8", "2.9802322387695312e-8", "1.401298464324817e-45", "7e-46"});
    }
    numbers.push_back(number);
  }
  return absl::StrCat("[", absl::StrJoin(numbers, random_.Pick({",", " , "})), "]");
}

std::string OddValues::OddTime() {
  std::string time = random_.Time();
  if (random_.Below(4) == 0)
    time.replace(0, 4,
                 random_.Pick({"0000", "-0001", "+12024", "-4713", "+294276", "-4714", "+294277", "+123456789",
                               "+1234567890", "+024"}));
  if (random_.Below(4) == 0) {
    time += random_.Pick({".0000005", ".1234565", ".12345650001", ".999999501", "Z",       "z",    "-00:00",
                          "+23:59",   "+24:00",   "+15",          "+5",         " +01:00", " UTC", ".",
                          ",5",       "+01:0",    "+1:00",        "+01:",       "+-1",     ".5e1"});
  }
  if (random_.Below(20) == 0) time = absl::StrCat(" ", time, "\n");
  return random_.Below(3) == 0 ? random_.Mutate(time, "0123456789-+:.TtZz 6") : time;
}

std::string OddValues::OddText() {
  return std::string(random_.Pick<absl::string_view>({"",
                                                      " ",
                                                      "\n\t",
                                                      "NaN",
                                                      "nan",
                                                      "+NaN",
                                                      "-nan",
                                                      "inf",
                                                      "-Infinity",
                                                      "+inf",
                                                      "infinit",
                                                      "1e400",
                                                      "1e-400",
                                                      "-1e-400",
                                                      "4.9e-324",
                                                      "2e-324",
                                                      "2.5e-324",
                                                      "1e1073741822",
                                                      "1e1073741823",
                                                      "0e1073741822",
                                                      "0e1073741823",
                                                      "0e99999999999",
                                                      "-0",
                                                      "-0.0",
                                                      "0x10",
                                                      "1_000",
                                                      "1e",
                                                      "1e+",
                                                      ".",
                                                      "5.",
                                                      ".5",
                                                      "+.5",
                                                      "1 e5",
                                                      "1e131071",
                                                      "1e131072",
                                                      "1e-16383",
                                                      "1e-16384",
                                                      "0e-16384",
                                                      "now",
                                                      "infinity",
                                                      "epoch",
                                                      "1700000000",
                                                      "[1e200000]",
                                                      "{\"a\":1,\"a\":2}",
                                                      "[[]]",
                                                      "{\"a\":{\"a\":1},\"a\":2}",
                                                      "{\"a\":{\"b\":1,\"b\":2},\"a\":2}",
                                                      "\"\\u0000\"",
                                                      "[\"\\ud800\\udc00\"]",
                                                      "[null]",
                                                      "{}",
                                                      "[1e1073741823]",
                                                      "[0e1073741823]",
                                                      "[0e1073741822]",
                                                      "\xef\xbb\xbf{}",
                                                      "9007199254740993",
                                                      "0.1000000000000000055511151231257827021181583404541015625",
                                                      "0.30000000000000004",
                                                      "9223372036854775808"}));
}

std::string OddValues::Text() {
  switch (random_.Below(14)) {
    case 0: return Damaged(random_.Boolean());
    case 1: return Damaged(random_.Integer());
    case 2: return Damaged(random_.Number(9));
    case 3: return Damaged(random_.Number(random_.Below(100) == 0 ? 20'000 : 40));
    case 4: return Damaged(random_.Utf8() + random_.Utf8());
    case 5: return Damaged(random_.Uuid());
    case 6: return OddTime();
    case 7: return Damaged(OddTime());
    case 8: return Strings();
    case 9: return Damaged(NumberList());
    case 10: return Damaged(OddText());
    case 11: return absl::StrCat(Integer());
    default: return Damaged(random_.Json(4));
  }
}

std::string OddValues::Damaged(std::string text) {
  if (random_.Below(3) != 0) return text;
  for (std::uint64_t left = 1 + random_.Below(2); left > 0; --left) {
    const std::size_t at = random_.Below(text.size() + 1);
    if (random_.Below(3) == 0 && at < text.size()) text.erase(at, 1);
    text.insert(at, random_.Pick<std::string>({std::string(1, '\0'),
                                               "\xff",
                                               "\xe2\x82",
                                               "\xc3",
                                               "\x80",
                                               "\xf0\x9f",
                                               "\xed\xa0\x80",
                                               " ",
                                               "\\u0000",
                                               "\\ud83d",
                                               "\\udc00",
                                               "\\",
                                               "\"",
                                               "[",
                                               "]",
                                               "{",
                                               "}",
                                               ",",
                                               ":",
                                               "0",
                                               "-",
                                               "e",
                                               ".",
                                               "\n",
                                               "\x01",
                                               "\x7f",
                                               "null",
                                               "\"a\":1,",
                                               "\v"}));
  }
  return text;
}

}  // namespace vecferry::testing
